//! The delivered files: names, headers (which drift over the years) and rows as text.

use super::calendar::civil;
use super::ids::Id;

/// A table of the programme. The first ones come as one file per year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum T {
    Incomes,
    Payments,
    Attendance,
    Visits,
    Villages,
    Households,
    Members,
    Events,
    Guarantees,
    Measures,
    Entitlements,
    Accounts,
    Trustees,
    FundFlow,
    PublicList,
    Transmittals,
    Cases,
    Targets,
    Cadres,
    Relatives,
    Postings,
    Assignments,
    Absences,
    Projects,
    Suppliers,
    Contracts,
    Bids,
    Invoices,
    ProjectItems,
    Loans,
    OrgAccounts,
    OrgLines,
    OrgBalances,
    AccountLines,
    AccountOpenings,
    BankBatches,
    Meters,
    Deaths,
    Vehicles,
    RealEstate,
    Business,
    Payroll,
    UrbanDibao,
    School,
    Insurance,
    Claims,
    Vouchers,
    RegisterDeliveries,
    ExemptionsLog,
    DeliveriesLog,
    Land,
    Herds,
    IncomeItems,
    Dividends,
    Reports,
    Disability,
    HouseChecks,
    Revisions,
    Inspections,
    Wages,
    HousingFund,
    Balances,
    Custody,
    Hukou,
    Trips,
    Hardship,
    Allowances,
    Complaints,
    CaseActs,
    Receipts,
    Sanctions,
    SampleSheets,
}

impl T {
    /// Name of the table in the project file.
    pub(super) fn name(self) -> &'static str {
        SPECS[self as usize].name
    }
}

const YEARLY: usize = 4;
const TABLES: usize = 72;

struct Spec {
    name: &'static str,
    header: &'static str,
    /// Header from the third year on, where it changes.
    later: &'static str,
    gb18030: bool,
}

const fn plain(name: &'static str, header: &'static str) -> Spec {
    Spec { name, header, later: "", gb18030: false }
}

const SPECS: [Spec; TABLES] = [
    Spec {
        name: "incomes",
        header: "户编号,年度,人数,工资性收入,生产经营性收入,财产性收入,转移性收入,生产经营性支出,家庭纯收入,人均纯收入,其中一次性收入,外出务工月数,采集人,采集日期,录入日期",
        later: "农户编号,收入年度,家庭人口,工资收入,经营收入,财产收入,转移收入,经营支出,纯收入,年人均纯收入,一次性收入,务工月数,调查员,调查日期,录入日期",
        gb18030: false,
    },
    Spec {
        name: "payments",
        header: "流水号,户编号,补贴项目,档次,发放对象,补贴年度,补贴月份,所属期止,分期序号,领款人,证件号码,银行账号,数量,补贴标准,发放金额,发放日期,发放状态,退回日期,原流水号,批次号",
        later: "支付编号,农户编号,项目代码,补贴档次,对象类型,年度,所属期,期末日期,期次,收款人姓名,身份证号,卡号,计发数量,标准,金额,支付日期,状态,退回日期,补发原编号,批次",
        gb18030: false,
    },
    plain("attendance", "cadre_id_no,day,month,state"),
    plain(
        "visits",
        "visit_id,cadre_id_no,household_id,kind,visited_on,start_minute,minutes,lat,lon,met_id_no,met_who,entered_at,note,device_id,photo_hash",
    ),
    plain("villages", "region_code,village_name,town_code,county_code,population,office_phone,collective_account,lat,lon"),
    plain(
        "households",
        "户编号,行政区划代码,户主证件号码,家庭人口数,户类型,主要致贫原因,脱贫状态,首次识别时间,脱贫年度,监测对象类型,风险识别时间,风险是否消除,风险消除时间,风险消除原因,住房等级,是否安全饮用水,联系电话,银行账号,住址,隐私保护,数据日期,最近核查日期",
    ),
    plain("members", "人编号,户编号,证件号码,姓名,与户主关系,性别,出生日期,健康状况,在校生状况,务工时间,人员识别时间,减少时间,减少原因"),
    plain(
        "events",
        "event_id,household_id,kind,case_no,year,happened_on,ended_on,start_minute,medium,actor_id,operator_login,system_on,signer_id_no,reason,system_minute",
    ),
    plain(
        "guarantees",
        "household_id,year,house_grade,safe_water,food_clothes,out_of_school,home_tuition,uninsured,insured_elsewhere,verified_by,verified_at",
    ),
    plain("measures", "measure_id,household_id,kind,starts_on,ends_on,amount,helper_id_no"),
    plain("entitlements", "entitlement_id,household_id,payee_id_no,programme,grade,year,months_due,amount_due,state,due_on"),
    plain("accounts", "account_no,holder_kind,holder_id_no,holder_name,opened_on"),
    plain("trustees", "trustee_no,ward_id_no,trustee_id_no,kind,starts_on,ends_on"),
    plain(
        "fund_flow",
        "doc_no,region_code,level,from_org,to_org,fund_code,project_id,purpose,approval_no,stage,amount,issued_on,received_on",
    ),
    plain("public_list", "list_id,kind,household_id,head_name,region_code,year,programme,amount,posted_on,taken_down_on"),
    plain("transmittals", "letter_no,table_name,region_code,year,stated_rows,stated_amount,superseded_by,sent_on"),
    plain("cases", "case_id,kind,household_id,id_no,opened_on,result,amount,rectified_at,closed_on"),
    plain("targets", "region_code,year,kind,planned,set_on,deadline,issuer_level"),
    plain("cadres", "cadre_id_no,name,kind,role,org,region_code,phone,starts_on,ends_on"),
    plain("relatives", "relative_no,cadre_id_no,relative_id_no,relation"),
    plain("postings", "posting_id,cadre_id_no,region_code,role,full_time,starts_on,ends_on"),
    plain("assignments", "assignment_id,helper_id_no,household_id,starts_on,ends_on"),
    plain("absences", "absence_id,household_id,whole_household,starts_on,ends_on,place"),
    plain(
        "projects",
        "项目编号,项目名称,项目类型,资金项目,行政区划代码,年度,预算金额,批复日期,开工日期,完工日期,验收日期,决算金额,纬度,经度,建设单位,是否季节性使用",
    ),
    plain(
        "suppliers",
        "供应商编号,统一社会信用代码,供应商名称,行业,法定代表人证件号码,联系电话,地址,行政区划代码,成立日期,注销日期,列入失信日期,移出失信日期",
    ),
    plain(
        "contracts",
        "contract_no,project_id,supplier_id,method,amount,approved_change,awarded_on,signed_on,progress_percent,progress_on",
    ),
    plain("bids", "bid_id,contract_no,supplier_id,price,result,device,document_hash,opened_on"),
    plain("invoices", "记录编号,发票号码,合同编号,年度,开票方编号,付款类型,货物名称,货物类别,数量,单价,金额,开票日期,付款日期,发票状态"),
    plain("project_items", "project_id,household_id,item,claimed,received,died,unit_price,handed_out_on"),
    plain("loans", "贷款编号,户编号,借款人证件号码,贷款金额,放款日期,到期日期,还清日期,是否贴息,受托支付对象编号,贷款用途"),
    plain("org_accounts", "account_no,org_name,kind,region_code,opened_on"),
    plain("org_lines", "line_id,account_no,direction,amount,booked_on,counter_account,doc_no,purpose"),
    plain("org_balances", "account_no,year,opening,closing,stated_on"),
    plain("account_lines", "流水编号,行政区划代码,账号,交易类型,金额,交易日期,交易时刻,终端编号,对方账号,批次号"),
    plain("account_openings", "account_no,region_code,branch,opened_on,sequence_no,mass_issue"),
    plain("bank_batches", "batch_no,region_code,bank_total,bank_rows,ledger_total,fee,credited_on"),
    plain("meters", "meter_no,month,household_id,project_id,kwh,water"),
    Spec { name: "deaths", header: "登记编号,身份证号,姓名,死亡日期,登记日期,户籍地代码", later: "", gb18030: true },
    Spec {
        name: "vehicles",
        header: "登记编号,号牌号码,身份证号,所有人,出生日期,户籍地代码,车辆类型,购置价格(万元),购置日期,转移日期",
        later: "",
        gb18030: true,
    },
    plain("real_estate", "estate_id,id_no,name,birth,home_region,kind,origin,share_percent,area,acquired_on,disposed_on"),
    plain("business", "business_no,org_name,kind,id_no,name,birth,home_region,role,capital,tax_paid,state,registered_on,cancelled_on"),
    plain("payroll", "payroll_no,id_no,name,birth,home_region,org,kind,starts_on,ends_on"),
    plain("urban_dibao", "grant_no,id_no,name,region_code,starts_on,ends_on"),
    plain("school", "id_no,year,school,state,starts_on"),
    plain("insurance", "policy_no,id_no,scheme,region_code,starts_on,ends_on"),
    plain("claims", "claim_no,id_no,household_id,hospital,admitted_on,discharged_on,total_cost,self_paid"),
    plain("vouchers", "voucher_id,org,region_code,year,number,purpose,amount,booked_on,state"),
    plain("register_deliveries", "household_id,taken_on,region_code,head_id_no,size,hh_type,identified_at"),
    plain("exemptions_log", "entry_no,kind,subject,household_id,region_code,granted_by,sole_desk,granted_on,expires_on,reason"),
    plain(
        "deliveries_log",
        "delivery_no,table_name,region_code,announced_on,due_on,extended_to,delivered_on,due_rows,rows,replaces,rows_changed,requested",
    ),
    plain("land", "户编号,年度,耕地面积(亩),林地面积(亩),流入土地面积(亩),耕地地力保护补贴,农机购置补贴"),
    plain("herds", "户编号,年度,畜种,存栏数,免疫数,投保数"),
    plain("income_items", "户编号,年度,收入明细项,金额,是否计入收入,支付单位"),
    plain("dividends", "dividend_no,household_id,year,kind,payer,promised,paid,paid_on"),
    plain("reports", "report_id,region_code,year,kind,value,filed_on,superseded_by"),
    plain("disability", "id_no,kind,grade,issued_on,ends_on"),
    plain("house_checks", "check_id,household_id,year,photo_hash,lat,lon,sheet_no,checked_on"),
    plain("revisions", "revision_id,table_name,household_id,year,column_name,old_value,new_value,changed_on,operator_login,approval_no"),
    plain("inspections", "inspection_id,region_code,year,kind,noticed_on,ends_on"),
    plain("wages", "身份证号,所属月份,单位名称,基数类型,缴费基数,申报收入"),
    plain("housing_fund", "身份证号,缴存月份,缴存单位,缴存类型,缴存基数,月缴存额"),
    plain("balances", "id_no,day,kind,amount,compensation"),
    plain("custody", "custody_no,id_no,name,kind,starts_on,ends_on"),
    plain(
        "hukou",
        "公民身份号码,姓名,户号,户主公民身份号码,与户主关系,性别,出生日期,户籍地代码,迁入日期,迁出地代码,迁入原因,迁出日期,离婚日期",
    ),
    plain("trips", "trip_id,id_no,kind,from_region,to_region,day,start_minute"),
    plain("hardship", "list_no,id_no,name,region_code,kind,starts_on,ends_on,other_help"),
    plain("allowances", "cadre_id_no,month,days_paid,daily_rate,amount"),
    plain("complaints", "complaint_id,region_code,household_id,channel,subject,received_on,case_id,replied_on,withdrawn_on"),
    plain("case_acts", "act_id,case_id,kind,actor_id_no,acted_on,ends_on,amount,note"),
    plain("receipts", "receipt_no,case_id,amount,received_on"),
    plain("sanctions", "sanction_no,id_no,name,region_code,kind,programme,decided_on,effective_on,lifted_on,appealed_on"),
    plain("sample_sheets", "sheet_id,region_code,household_id,year,kind,wrong,corrected_on,checked_on"),
];

/// One file: its name under `data/`, its header line, its encoding.
pub(super) struct File {
    pub(super) name: String,
    pub(super) header: &'static str,
    pub(super) gb18030: bool,
}

/// All files of a programme of `years` years, in the order of [`Tables`].
pub(super) fn files(first_year: i32, years: usize) -> Vec<File> {
    let mut all = Vec::new();
    for (n, spec) in SPECS.iter().enumerate() {
        if n < YEARLY {
            for y in 0..years {
                let header = if y >= 2 && !spec.later.is_empty() { spec.later } else { spec.header };
                all.push(File { name: format!("{}-{}.csv", spec.name, first_year + y as i32), header, gb18030: spec.gb18030 });
            }
        } else {
            all.push(File { name: format!("{}.csv", spec.name), header: spec.header, gb18030: spec.gb18030 });
        }
    }
    all
}

/// The rows of some villages as text, one buffer per file.
pub(super) struct Tables {
    first_year: i32,
    years: usize,
    pub(super) buffers: Vec<Vec<u8>>,
    pub(super) rows: Vec<u64>,
}

impl Tables {
    pub(super) fn new(first_year: i32, years: usize) -> Self {
        let n = YEARLY * years + TABLES - YEARLY;
        Tables { first_year, years, buffers: vec![Vec::new(); n], rows: vec![0; n] }
    }

    /// Starts a row of a table that comes as one file.
    pub(super) fn row(&mut self, table: T) -> Row<'_> {
        self.row_at(YEARLY * self.years + table as usize - YEARLY)
    }

    /// Starts a row of a table that comes as one file per year; years outside the programme go to the nearest file.
    pub(super) fn row_of_year(&mut self, table: T, year: i32) -> Row<'_> {
        let offset = (year - self.first_year).clamp(0, self.years as i32 - 1) as usize;
        self.row_at(table as usize * self.years + offset)
    }

    fn row_at(&mut self, index: usize) -> Row<'_> {
        self.rows[index] += 1;
        Row { buffer: &mut self.buffers[index], first: true }
    }
}

/// Writes the cells of one row in order; the end of the row is the end of the value.
pub(super) struct Row<'a> {
    buffer: &'a mut Vec<u8>,
    first: bool,
}

impl Drop for Row<'_> {
    fn drop(&mut self) {
        self.buffer.push(b'\n');
    }
}

impl Row<'_> {
    fn cell(&mut self) {
        if !self.first {
            self.buffer.push(b',');
        }
        self.first = false;
    }

    /// A text without comma, quote or line end (the generator makes no others).
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        debug_assert!(!text.contains([',', '"', '\n']), "{text}");
        self.cell();
        self.buffer.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn int(&mut self, value: i64) -> &mut Self {
        self.cell();
        self.digits(value, 1);
        self
    }

    pub(super) fn opt_int(&mut self, value: Option<i64>) -> &mut Self {
        match value {
            Some(v) => self.int(v),
            None => self.text(""),
        }
    }

    pub(super) fn number(&mut self, value: u64) -> &mut Self {
        self.cell();
        self.unsigned(value, 1);
        self
    }

    /// Hundredths: fen as yuan, and decimals of scale 2.
    pub(super) fn hundredths(&mut self, value: i64) -> &mut Self {
        self.cell();
        if value < 0 {
            self.buffer.push(b'-');
        }
        self.unsigned(value.unsigned_abs() / 100, 1);
        self.buffer.push(b'.');
        self.unsigned(value.unsigned_abs() % 100, 2);
        self
    }

    /// Whole yuan as 万元 with four decimals.
    pub(super) fn wan(&mut self, yuan: i64) -> &mut Self {
        self.cell();
        self.digits(yuan / 10_000, 1);
        self.buffer.push(b'.');
        self.digits(yuan % 10_000, 4);
        self
    }

    pub(super) fn degrees(&mut self, micro: i64) -> &mut Self {
        self.cell();
        self.digits(micro / 1_000_000, 1);
        self.buffer.push(b'.');
        self.digits(micro % 1_000_000, 6);
        self
    }

    pub(super) fn date(&mut self, days: i32) -> &mut Self {
        self.cell();
        let (y, m, d) = civil(days);
        self.digits(y.into(), 4);
        self.buffer.push(b'-');
        self.digits(m.into(), 2);
        self.buffer.push(b'-');
        self.digits(d.into(), 2);
        self
    }

    pub(super) fn opt_date(&mut self, days: Option<i32>) -> &mut Self {
        match days {
            Some(d) => self.date(d),
            None => self.text(""),
        }
    }

    pub(super) fn month(&mut self, year: i32, month: i32) -> &mut Self {
        self.cell();
        self.digits(year.into(), 4);
        self.buffer.push(b'-');
        self.digits(month.into(), 2);
        self
    }

    pub(super) fn id(&mut self, id: &Id) -> &mut Self {
        self.cell();
        self.buffer.extend_from_slice(id.text().as_bytes());
        self
    }

    pub(super) fn opt_id(&mut self, id: Option<&Id>) -> &mut Self {
        match id {
            Some(id) => self.id(id),
            None => self.text(""),
        }
    }

    pub(super) fn yes_no(&mut self, value: bool) -> &mut Self {
        self.text(if value { "是" } else { "否" })
    }

    /// `H` and `R` numbers and the like: a letter, the village, the record.
    pub(super) fn key(&mut self, letter: char, village: usize, number: usize, width: usize) -> &mut Self {
        self.cell();
        self.buffer.push(letter as u8);
        self.unsigned(village as u64, 5);
        self.unsigned(number as u64, width);
        self
    }

    fn digits(&mut self, value: i64, width: usize) {
        if value < 0 {
            self.buffer.push(b'-');
        }
        self.unsigned(value.unsigned_abs(), width);
    }

    fn unsigned(&mut self, mut value: u64, width: usize) {
        let mut text = [b'0'; 20];
        let mut at = 20;
        while value > 0 || 20 - at < width {
            at -= 1;
            text[at] = b'0' + (value % 10) as u8;
            value /= 10;
        }
        self.buffer.extend_from_slice(&text[at..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::calendar::day;

    #[test]
    fn cells_as_text() {
        let mut tables = Tables::new(2017, 4);
        tables
            .row(T::Inspections)
            .int(0)
            .int(-12)
            .hundredths(12_305)
            .hundredths(-5)
            .wan(35_000)
            .degrees(26_000_070)
            .date(day(2019, 3, 1))
            .opt_date(None)
            .month(2019, 3);
        let last = tables.buffers.iter().rfind(|b| !b.is_empty()).map(|b| String::from_utf8_lossy(b).into_owned());
        assert_eq!(last.as_deref(), Some("0,-12,123.05,-0.05,3.5000,26.000070,2019-03-01,,2019-03\n"));
    }

    #[test]
    fn specs_stand_in_the_order_of_the_tables() {
        assert_eq!(SPECS[T::Visits as usize].name, "visits");
        assert_eq!(SPECS[T::Targets as usize].name, "targets");
        assert_eq!(SPECS[T::Claims as usize].name, "claims");
        assert_eq!(SPECS[T::Inspections as usize].name, "inspections");
        assert_eq!(files(2017, 4).len(), Tables::new(2017, 4).buffers.len());
    }
}
