//! Which results hold personal data, also where their type no longer says so: texts cut from an id or put together with a name.

use super::block::Compiler;
use crate::plan::{Expr, ExprId, Function, Rel, RelId, UNREAD};
use crate::schema::{TextKind, Type};

/// Types that are masked whenever they are shown.
pub(super) fn by_type(ty: Type) -> bool {
    matches!(ty, Type::CitizenId | Type::Text(TextKind::PersonName | TextKind::Phone | TextKind::Account))
}

impl Compiler<'_> {
    /// Whether a value of `id` shows (part of) a name, id, phone or account.
    pub fn is_personal(&self, frame: &[RelId], id: ExprId) -> bool {
        let ty = self.graph.type_of(id);
        if by_type(ty) {
            return true;
        }
        if !matches!(ty, Type::Text(_)) {
            return false;
        }
        match self.graph.get(id) {
            Expr::Column { row, column } => {
                let rel = self.graph.rel_of(self.catalog, row, frame).filter(|r| *r != UNREAD);
                matches!(rel.map(|r| self.graph.get_rel(r)), Some(Rel::Table(t)) if self.personal.contains(&(*t, *column)))
            }
            // Said of the id, not part of it.
            Expr::Call { function: Function::IdSex | Function::IdRegion, .. } => false,
            Expr::Call { args, .. } => args.iter().any(|&a| self.is_personal(frame, a)),
            Expr::Case { whens, otherwise } => {
                whens.iter().map(|(_, then)| then).chain(otherwise).any(|&then| self.is_personal(frame, then))
            }
            Expr::Cast { arg, .. } => self.is_personal(frame, *arg),
            _ => false,
        }
    }
}
