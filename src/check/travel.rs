//! `travel`: two places of one person too far apart for the time between.

use schemars::JsonSchema;
use serde::Deserialize;

use super::keys::NamedKeys;
use super::planner::{GroupKeys, Planner, Source};
use super::{Check, CheckPlan, Flag, UnitKind};
use crate::diagnostic::Spanned;
use crate::diagnostic::yaml::Ordered;
use crate::plan::{Expr, ExprId, Function, Hop, Neighbour, RowRef, Scope, Slot, Want};
use crate::schema::{Type, Value};

/// Flags records whose place cannot be reached from that of the record before.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TravelCheck {
    /// Table or view of the records.
    pub table: Spanned<String>,
    /// Which of its records are looked at; all when absent.
    pub among: Option<Spanned<String>>,
    /// Whose way it is: a column or a list of them.
    pub who: NamedKeys,
    /// The day; the record's governing date when absent.
    pub date: Option<Spanned<String>>,
    /// Minute of the day at which the record begins, 0 to 1439. Without it whole days count.
    pub minute: Option<Spanned<String>>,
    /// Minutes it lasts; none when absent.
    pub minutes: Option<Spanned<String>>,
    /// Latitude in degrees.
    pub lat: Spanned<String>,
    /// Longitude in degrees.
    pub lon: Spanned<String>,
    /// Fastest travel in km per hour.
    pub max_kmh: Spanned<String>,
    /// Shortest distance looked at, in km.
    pub min_km: Spanned<String>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// A further condition on the pair.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

impl Check for TravelCheck {
    const NAME: &'static str = "travel";
    const TITLE: &'static str = "Places too far apart for the time between";
    const FINDS: &'static str = "Consecutive records of one person whose places lie further apart than anyone travels in the time between.";
    const POPULATION: &'static str = "Consecutive pairs: records with an earlier one of the same person; a record without person, day, minute or place is not assessable and no part of a pair.";
    const DOC: &'static str = include_str!("../../docs/checks/travel.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let source = planner.source(&self.table)?;
        let mut scope = planner.record_scope(source, &RowRef::slot(0));
        let among = planner.optional_bool(self.among.as_ref(), &scope);
        let way = self.way(planner, source, &scope);
        let (among, way) = (among?, way?);

        let needed: Vec<ExprId> = way.who.exprs.iter().copied().chain([way.begins, way.lat, way.lon]).collect();
        let complete = planner.complete(&needed);
        let taking_part: Vec<ExprId> = among.into_iter().chain([complete.holds]).collect();
        let neighbour = Neighbour {
            of: source.rel,
            keys: way.who.exprs.clone(),
            order: way.begins,
            among: Some(planner.all(&taking_part)),
            exactly: None,
        };
        let before = RowRef::slot(0).then(Hop::Neighbour(planner.graph.neighbour(neighbour)));
        let has = planner.graph.expr(Expr::Has { row: before.clone() }, Type::Bool);
        let incomplete = planner.not(complete.holds);
        // A record of which it is not known whether it takes part is no part of a pair, and not assessable.
        let doubtful = among.map(|among| planner.is_null(among));
        let pair: Vec<ExprId> = [Some(incomplete), doubtful, Some(has)].into_iter().flatten().collect();
        let pair = planner.any(&pair);

        let own = self.judge(planner, &mut scope, &way, &before)?;
        let slot = Slot { names: vec!["earlier".into()], rel: source.rel, row: before, bare: false, members: vec![] };
        scope.slots.push(slot);
        let mut figures = planner.lets(&self.lets, &mut scope)?;
        figures.extend(own.figures.clone());
        let condition = planner.optional_bool(self.condition.as_ref(), &scope)?;
        let flag: Vec<ExprId> = std::iter::once(own.impossible).chain(condition).collect();
        let unit = format!("record of {} with an earlier one of the same {}", self.table.value, way.who.words.join(", "));
        Some(CheckPlan {
            population: among.into_iter().chain([pair]).collect(),
            preconditions: vec![complete],
            flag: Flag::Row(planner.all(&flag)),
            measure: own.figures.first().map(|(_, km)| *km),
            figures,
            ..CheckPlan::of(UnitKind::Record, unit, source, scope)
        })
    }
}

/// Time and place of a record, in its own frame.
struct Way {
    who: GroupKeys,
    /// Minutes from 1970-01-01 on to the beginning; days where no minute is given.
    begins: ExprId,
    /// Minutes from the same day on to the end.
    ends: ExprId,
    lat: ExprId,
    lon: ExprId,
}

struct Judged {
    figures: Vec<(String, ExprId)>,
    impossible: ExprId,
}

impl TravelCheck {
    fn way(&self, planner: &mut Planner, source: Source, scope: &Scope) -> Option<Way> {
        let who = planner.group_keys(&self.who, scope);
        let date = match &self.date {
            Some(date) => planner.expr(date, scope, Want::Type(Type::Date)),
            None => planner.governing_day(source, scope, &self.table),
        };
        let int = |planner: &mut Planner, text: &Option<Spanned<String>>| match text {
            Some(text) => planner.expr(text, scope, Want::Type(Type::Int)).map(Some),
            None => Some(None),
        };
        let (minute, minutes) = (int(planner, &self.minute), int(planner, &self.minutes));
        let lat = planner.expr(&self.lat, scope, Want::Type(Type::Decimal(6)));
        let lon = planner.expr(&self.lon, scope, Want::Type(Type::Decimal(6)));
        let (who, date, minute, minutes, lat, lon) = (who?, date?, minute?, minutes?, lat?, lon?);
        let epoch = planner.literal(Value::Date(0));
        let days = planner.days_between(epoch, date);
        let mut names = vec![("days_".to_owned(), days)];
        names.extend(minute.map(|minute| ("minute_".to_owned(), minute)));
        names.extend(minutes.map(|minutes| ("minutes_".to_owned(), minutes)));
        let time = Scope { names, ..Scope::default() };
        let (begins, ends) = match (minute, minutes) {
            (Some(_), Some(_)) => ("days_ * 1440 + minute_", "days_ * 1440 + minute_ + greatest(0, minutes_)"),
            (Some(_), None) => ("days_ * 1440 + minute_", "days_ * 1440 + minute_"),
            // Any time of either day: from the beginning of the earlier to the end of the later.
            (None, _) => ("(days_ + 1) * 1440", "days_ * 1440"),
        };
        let begins = planner.expr(&Spanned::without_place(begins.into()), &time, Want::Type(Type::Int))?;
        let ends = planner.expr(&Spanned::without_place(ends.into()), &time, Want::Type(Type::Int))?;
        Some(Way { who, begins, ends, lat, lon })
    }

    /// Distance, time and speed from the record `before`.
    fn judge(&self, planner: &mut Planner, scope: &mut Scope, way: &Way, before: &RowRef) -> Option<Judged> {
        let max_kmh = planner.expr(&self.max_kmh, scope, Want::Numeric);
        let min_km = planner.expr(&self.min_km, scope, Want::Numeric);
        let (max_kmh, min_km) = (max_kmh?, min_km?);
        let [lat, lon, ended] = [way.lat, way.lon, way.ends].map(|expr| planner.at_row(expr, before));
        let km = planner.call(Function::DistanceKm, vec![lat, lon, way.lat, way.lon], Type::Decimal(3));
        let time = Scope { names: vec![("begins_".into(), way.begins), ("ended_".into(), ended)], ..Scope::default() };
        let minutes = planner.expr(&Spanned::without_place("greatest(0, begins_ - ended_)".into()), &time, Want::Type(Type::Int))?;
        let names = vec![("km_".into(), km), ("minutes_".into(), minutes), ("max_kmh_".into(), max_kmh), ("min_km_".into(), min_km)];
        let pair = Scope { names, ..Scope::default() };
        let kmh = planner.expr(&Spanned::without_place("round(km_ * 60 / nullif(minutes_, 0))".into()), &pair, Want::Type(Type::Int))?;
        let impossible = planner.bool(&Spanned::without_place("km_ > min_km_ and km_ * 60 > max_kmh_ * minutes_".into()), &pair)?;
        let figures = vec![("km".to_owned(), km), ("minutes_between".to_owned(), minutes), ("kmh".to_owned(), kmh)];
        scope.names.extend(figures.clone());
        Some(Judged { figures, impossible })
    }
}
