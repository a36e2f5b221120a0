//! Window functions: each becomes a column beside the rows of the frame.

use sqlparser::ast as sql;
use sqlparser::ast::Spanned as _;

use super::block::{Block, Compiler};
use super::convert::{Level, plain_name};
use super::{Aggregate, Frame, Order, WINDOW, Window, WindowFunction};
use crate::plan::syntax::Ast;
use crate::plan::{Expr, ExprId, RowRef, Want};
use crate::schema::{Type, Value};

const FRAME: &str = "say which rows: `rows between unbounded preceding and current row` (row by row), or `range between unbounded preceding and current row` (equal rows together)";

impl Compiler<'_> {
    /// A call with `over`; the name that stands for its column.
    pub fn window(&mut self, block: &mut Block, function: &sql::Function, expr: &sql::Expr) -> Option<Ast> {
        let Some(sql::WindowType::WindowSpec(spec)) = &function.over else {
            return self.unsupported(expr.span(), "a named window", "write it out after `over`: `over (partition by .. order by ..)`");
        };
        let mut partition = vec![];
        for key in &spec.partition_by {
            let ast = self.ast(block, key, Level::Window)?;
            partition.push(self.typed(&ast, &block.scope, Want::Key)?);
        }
        let mut order = vec![];
        for by in &spec.order_by {
            let ast = self.ast(block, &by.expr, Level::Window)?;
            let id = self.typed(&ast, &block.scope, Want::Key)?;
            order.push(self.direction(id, by)?);
        }
        let (function, ty) = self.window_function(block, function, expr, spec, !order.is_empty())?;
        let window = Window { partition, order, function, ty };
        let position = block.windows.iter().position(|w| *w == window).unwrap_or_else(|| {
            block.windows.push(window);
            block.windows.len() - 1
        });
        if block.frame[usize::from(WINDOW)] == crate::plan::UNREAD {
            let table = self.derived("", vec![]);
            block.frame[usize::from(WINDOW)] = self.catalog.tables[table].rel;
        }
        let id = self.graph.expr(Expr::Column { row: RowRef::slot(WINDOW), column: position }, ty);
        let name = format!("\u{1}window {position}");
        if !block.scope.names.iter().any(|(known, _)| *known == name) {
            block.scope.names.push((name.clone(), id));
        }
        Some(self.named_path(&name, expr.span()))
    }

    /// `asc` or `desc`, and where missing values stand: last unless it is said.
    pub fn direction(&mut self, by: ExprId, written: &sql::OrderByExpr) -> Option<Order> {
        if written.with_fill.is_some() {
            return self.unsupported(written.expr.span(), "`with fill`", "`asc`, `desc`, `nulls first`, `nulls last`");
        }
        let descending = match &written.options.sort {
            None | Some(sql::OrderBySort::Asc) => false,
            Some(sql::OrderBySort::Desc) => true,
            Some(_) => return self.unsupported(written.expr.span(), "`using`", "`asc`, `desc`, `nulls first`, `nulls last`"),
        };
        Some(Order { by, descending, nulls_first: written.options.nulls_first.unwrap_or(false) })
    }

    fn window_function(
        &mut self,
        block: &mut Block,
        function: &sql::Function,
        expr: &sql::Expr,
        spec: &sql::WindowSpec,
        ordered: bool,
    ) -> Option<(WindowFunction, Type)> {
        let name = plain_name(function).map(|n| n.value.to_lowercase()).unwrap_or_default();
        let ranked = matches!(name.as_str(), "row_number" | "rank" | "dense_rank" | "lag" | "lead" | "first_value" | "last_value");
        if ranked && !ordered {
            return self.fail(
                "sql-window",
                expr.span(),
                format!("`{name}` needs an order"),
                "in which order?",
                "add `order by ..` inside `over (..)`",
            );
        }
        if ranked && function.filter.is_some() {
            return self.unsupported(expr.span(), &format!("`filter` beside `{name}`"), "filter the rows in a `with` select");
        }
        match name.as_str() {
            "row_number" | "rank" | "dense_rank" => {
                if let Some(frame) = &spec.window_frame {
                    return self.unsupported(expr.span(), &format!("`{}` beside `{name}`", frame.units), "take the frame out");
                }
                let kind = match name.as_str() {
                    "row_number" => WindowFunction::RowNumber,
                    "rank" => WindowFunction::Rank,
                    _ => WindowFunction::DenseRank,
                };
                Some((kind, Type::Int))
            }
            "lag" | "lead" => {
                let (args, _) = self.args(block, function, expr, Level::Window)?;
                let form = format!(
                    "it is written `{name}(x)`, `{name}(x, 2)` or `{name}(x, 1, 0)`: a plain number of rows, and a plain value where there is none"
                );
                if args.is_empty() || args.len() > 3 {
                    return self.fail(
                        "wrong-arguments",
                        expr.span(),
                        format!("`{name}` has {} arguments here", args.len()),
                        "not understood",
                        &form,
                    );
                }
                let arg = self.typed(&args[0].value, &block.scope, Want::Any)?;
                let ty = self.graph.type_of(arg);
                let by = match args.get(1) {
                    None => Some(1),
                    Some(arg) => {
                        let id = self.typed(&arg.value, &block.scope, Want::Type(Type::Int))?;
                        self.graph.literal_of(id).and_then(|v| if let Value::Int(n) = v { Some(*n) } else { None })
                    }
                };
                let default = match args.get(2) {
                    None => Some(None),
                    Some(arg) => {
                        let id = self.typed(&arg.value, &block.scope, Want::Type(ty))?;
                        self.graph.literal_of(id).map(|v| Some(v.clone()))
                    }
                };
                let (Some(by), Some(default)) = (by, default) else {
                    return self.fail(
                        "wrong-arguments",
                        expr.span(),
                        format!("`{name}` takes plain values after the first"),
                        "not a plain value",
                        &form,
                    );
                };
                let by = if name == "lead" { by.checked_neg()? } else { by };
                Some((WindowFunction::Shift { arg, by, default: default.filter(|v| *v != Value::Null) }, ty))
            }
            "first_value" | "last_value" => {
                let (args, _) = self.args(block, function, expr, Level::Window)?;
                let [arg] = args.as_slice() else {
                    return self.fail(
                        "wrong-arguments",
                        expr.span(),
                        format!("`{name}` takes one value"),
                        "not understood",
                        &format!("it is written `{name}(x)`"),
                    );
                };
                let arg = self.typed(&arg.value, &block.scope, Want::Any)?;
                let frame = self.frame(spec, true, expr)?;
                Some((WindowFunction::Edge { arg, last: name == "last_value", frame }, self.graph.type_of(arg)))
            }
            "count" | "sum" | "min" | "max" | "avg" => {
                let frame = self.frame(spec, ordered, expr)?;
                let aggregate = self.aggregate(block, function, expr, Level::Window)?;
                if aggregate.distinct {
                    return self.unsupported(
                        expr.span(),
                        "`distinct` in a window",
                        "count the distinct values in a grouped `with` select and join it",
                    );
                }
                let ty = aggregate.ty;
                Some((WindowFunction::Over { aggregate, frame }, ty))
            }
            _ => {
                let help = "`row_number`, `rank`, `dense_rank`, `lag`, `lead`, `first_value`, `last_value`, `count`, `sum`, `min`, `max`, `avg` can";
                self.unsupported(expr.span(), &format!("`{name}` with `over`"), help)
            }
        }
    }

    fn frame(&mut self, spec: &sql::WindowSpec, ordered: bool, expr: &sql::Expr) -> Option<Frame> {
        let Some(frame) = &spec.window_frame else {
            if ordered {
                return self.fail("sql-window", expr.span(), "an ordered window over many rows needs a frame", "which rows?", FRAME);
            }
            return Some(Frame { from: None, to: None, peers: false });
        };
        let peers = match frame.units {
            sql::WindowFrameUnits::Rows => false,
            sql::WindowFrameUnits::Range => true,
            sql::WindowFrameUnits::Groups => return self.unsupported(expr.span(), "a frame of groups", FRAME),
        };
        let bound = |this: &mut Self, bound: &sql::WindowFrameBound, end: bool| -> Option<Option<i64>> {
            match bound {
                sql::WindowFrameBound::CurrentRow => Some(Some(0)),
                sql::WindowFrameBound::Preceding(None) if !end => Some(None),
                sql::WindowFrameBound::Following(None) if end => Some(None),
                sql::WindowFrameBound::Preceding(Some(n)) | sql::WindowFrameBound::Following(Some(n)) if !peers => {
                    let n = match &**n {
                        sql::Expr::Value(v) => match &v.value {
                            sql::Value::Number(n, _) => n.parse::<i64>().ok(),
                            _ => None,
                        },
                        _ => None,
                    };
                    match (n, bound) {
                        (Some(n), sql::WindowFrameBound::Preceding(_)) => Some(Some(-n)),
                        (Some(n), _) => Some(Some(n)),
                        (None, _) => this.unsupported(
                            expr.span(),
                            "this frame",
                            "bounds are plain numbers of rows: `rows between 2 preceding and current row`",
                        ),
                    }
                }
                _ => this.unsupported(expr.span(), "this frame", FRAME),
            }
        };
        let from = bound(self, &frame.start_bound, false)?;
        let to = match &frame.end_bound {
            Some(end) => bound(self, end, true)?,
            None => Some(0),
        };
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return self.fail("sql-window", expr.span(), "the frame ends before it begins", "holds no row", FRAME);
        }
        Some(Frame { from, to, peers })
    }
}

impl Window {
    /// Expressions that are evaluated on the rows of the frame.
    pub fn reads(&self) -> Vec<ExprId> {
        let mut out = self.partition.clone();
        out.extend(self.order.iter().map(|o| o.by));
        out.extend(self.value());
        if let WindowFunction::Over { aggregate, .. } = &self.function {
            out.extend(aggregate.filter);
        }
        out
    }
    /// The value it takes of each row.
    pub fn value(&self) -> Option<ExprId> {
        match &self.function {
            WindowFunction::Shift { arg, .. } | WindowFunction::Edge { arg, .. } => Some(*arg),
            WindowFunction::Over { aggregate: Aggregate { arg, .. }, .. } => *arg,
            _ => None,
        }
    }
}

impl WindowFunction {
    /// Whether rows equal in order are looked at together.
    pub fn asks_peers(&self) -> bool {
        match self {
            WindowFunction::Rank | WindowFunction::DenseRank => true,
            WindowFunction::Edge { frame, .. } | WindowFunction::Over { frame, .. } => frame.peers,
            WindowFunction::RowNumber | WindowFunction::Shift { .. } => false,
        }
    }
}
