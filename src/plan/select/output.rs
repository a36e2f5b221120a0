//! The columns of a select and its order.

use sqlparser::ast as sql;
use sqlparser::ast::Spanned as _;

use super::Order;
use super::block::{Block, Compiler};
use super::convert::Level;
use crate::plan::{ExprId, Want};

impl Compiler<'_> {
    /// Name and expression of each column; `*` is written out, without restricted columns. Names that stand twice are numbered.
    pub fn items(&mut self, block: &Block, projection: &[sql::SelectItem]) -> Option<Vec<(String, sql::Expr)>> {
        let mut items: Vec<(String, sql::Expr)> = vec![];
        for item in projection {
            match item {
                sql::SelectItem::UnnamedExpr(expr) => items.push((self.title(expr), expr.clone())),
                sql::SelectItem::ExprWithAlias { expr, alias } => items.push((alias.value.clone(), expr.clone())),
                sql::SelectItem::Wildcard(_) => {
                    for (alias, table, _) in &block.visible {
                        self.all_of(alias, *table, item, &mut items);
                    }
                }
                sql::SelectItem::QualifiedWildcard(sql::SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let written = name.to_string();
                    let Some((alias, table, _)) = block.visible.iter().find(|(alias, ..)| *alias == written) else {
                        return self.fail(
                            "unknown-table",
                            name.span(),
                            format!("no table is called `{written}` here"),
                            "not in `from`",
                            "",
                        );
                    };
                    self.all_of(alias, *table, item, &mut items);
                }
                _ => return self.unsupported(item.span(), "this column", "write `expression as name`"),
            }
        }
        let mut seen: Vec<String> = vec![];
        for (name, _) in &mut items {
            let plain = name.clone();
            for n in 2.. {
                if !seen.contains(name) {
                    break;
                }
                *name = format!("{plain}_{n}");
            }
            seen.push(name.clone());
        }
        Some(items)
    }
    fn all_of(&self, alias: &str, table: usize, item: &sql::SelectItem, items: &mut Vec<(String, sql::Expr)>) {
        let span = item.span();
        for column in self.catalog.tables[table].columns.iter().filter(|c| !c.restricted) {
            let ident = |name: &str| sql::Ident { value: name.to_owned(), quote_style: Some('"'), span };
            let expr = if alias.is_empty() {
                sql::Expr::Identifier(ident(&column.name))
            } else {
                sql::Expr::CompoundIdentifier(vec![ident(alias), ident(&column.name)])
            };
            items.push((column.name.clone(), expr));
        }
    }
    /// A column without a name goes by its last word, or by how it is written.
    fn title(&self, expr: &sql::Expr) -> String {
        match expr {
            sql::Expr::Identifier(ident) => ident.value.clone(),
            sql::Expr::CompoundIdentifier(path) => path.last().map(|i| i.value.clone()).unwrap_or_default(),
            _ => {
                self.text.whole.value.get(self.text.range(expr.span())).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
            }
        }
    }

    pub fn output(&mut self, block: &mut Block, expr: &sql::Expr, want: Want) -> Option<ExprId> {
        let ast = self.ast(block, expr, Level::Output)?;
        self.typed(&ast, &block.scope, want)
    }

    /// One key of `order by`: a column of the select by name or number, or any expression.
    pub fn ordered(&mut self, block: &mut Block, by: &sql::OrderByExpr, names: &[String], ids: &[ExprId]) -> Option<Order> {
        let named = match &by.expr {
            sql::Expr::Identifier(ident) => names.iter().position(|n| *n == ident.value),
            sql::Expr::Value(v) => match &v.value {
                sql::Value::Number(n, _) => match n.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).filter(|n| *n < ids.len()) {
                    Some(position) => Some(position),
                    None => {
                        return self.fail(
                            "sql-columns",
                            by.expr.span(),
                            format!("there is no column {n} in the select"),
                            "not that many",
                            "",
                        );
                    }
                },
                _ => None,
            },
            _ => None,
        };
        let id = match named {
            Some(position) => ids[position],
            None => self.output(block, &by.expr, Want::Key)?,
        };
        self.direction(id, by)
    }
}
