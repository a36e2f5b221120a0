//! A synthetic register of a county, with people who stand in it twice. Seeded; the truth is the person's number.

use std::fmt::Write as _;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub struct Register {
    /// id, name, born, sex, village, phone, account, listing.
    pub rows: Vec<[String; 8]>,
    pub person: Vec<u32>,
    /// True household of each row.
    pub household: Vec<u32>,
}

#[derive(Clone)]
struct Person {
    surname: char,
    given: String,
    born: (u32, u32, u32),
    male: bool,
    id: String,
}

const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常";
const GIVEN: &str = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅春生国建文辉力永健世广志义兴良海山仁波宁贵福龙元全胜学祥才发武新利清飞彬富顺信子昌成康星光天达安岩中茂进林有坚和彪博诚先敬震振壮会思群豪心邦承乐绍功松善厚庆民友裕河哲江浩亮政谦亨奇固之轮翰朗伯宏言若鸣朋斌梁栋维启克伦翔旭鹏泽晨辰士以家致树炎德行时泰盛雄琛钧冠策腾楠榕风航弘淑惠珠翠雅芝莲真环雪荣爱妹香月莺媛瑞凡佳嘉琼勤珍贞莉叶璧璐娅琦晶妍茜秋珊莎锦黛青倩婷姣婉娴瑾颖露瑶怡婵雁蓓纨仪荷丹蓉眉君琴蕊薇菁梦岚苑筠柔竹霭凝晓欢霄枫芸菲寒伊亚宜可姬舒影荔枝思";
const HOMOPHONES: &[(char, char)] = &[
    ('伟', '炜'),
    ('芳', '方'),
    ('敏', '闽'),
    ('静', '敬'),
    ('丽', '莉'),
    ('强', '蔷'),
    ('军', '君'),
    ('明', '鸣'),
    ('英', '瑛'),
    ('华', '桦'),
    ('玉', '裕'),
    ('红', '宏'),
    ('建', '健'),
    ('文', '雯'),
    ('志', '智'),
    ('海', '海'),
    ('平', '萍'),
    ('秀', '绣'),
    ('春', '椿'),
    ('国', '国'),
];

fn check(body: &str) -> char {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body.bytes().zip(weights).map(|(b, w)| u32::from(b - b'0') * w).sum();
    b"10X98765432"[(sum % 11) as usize] as char
}

pub fn generate(people: usize, seed: u64, hard: f64) -> Register {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let surnames: Vec<char> = SURNAMES.chars().collect();
    let given: Vec<char> = GIVEN.chars().collect();
    let zipf = |rng: &mut ChaCha8Rng, n: usize| -> usize { ((n as f64).powf(rng.random::<f64>()) - 1.0) as usize % n };
    let mut register = Register { rows: Vec::new(), person: Vec::new(), household: Vec::new() };
    let villages = (people / 800).max(3);
    let mut listing = 0u32;
    let (mut person, mut household) = (0u32, 0u32);
    while (person as usize) < people {
        let village = rng.random_range(0..villages);
        let code = village_code(village);
        // One surname and one generation character lead the village.
        let lineage = surnames[(village * 7 + 3) % surnames.len()];
        let size = [1, 2, 2, 3, 3, 4, 4, 5, 6][rng.random_range(0..9)];
        let family = if rng.random_bool(0.35) { lineage } else { surnames[zipf(&mut rng, surnames.len())] };
        let head_age = rng.random_range(28..85u32);
        let mut members: Vec<Person> = Vec::new();
        for m in 0..size {
            let male = if m == 0 {
                rng.random_bool(0.8)
            } else if m == 1 {
                !members[0].male
            } else {
                rng.random_bool(0.52)
            };
            let age = match m {
                0 => head_age,
                1 => (head_age + 4).saturating_sub(rng.random_range(0..9)),
                _ => (head_age.saturating_sub(24)).saturating_sub(rng.random_range(0..15)),
            };
            let twin = m >= 3 && rng.random_bool(0.03);
            let born = if twin { members[m - 1].born } else { (2019 - age.max(1), rng.random_range(1..=12), rng.random_range(1..=28)) };
            let surname = if m == 1 { surnames[zipf(&mut rng, surnames.len())] } else { family };
            let first = if m >= 2 && rng.random_bool(0.5) {
                given[(household as usize * 13) % 60]
            } else if rng.random_bool(0.3) {
                given[(village * 5 + (2019 - born.0 as usize) / 20) % 40]
            } else {
                given[zipf(&mut rng, given.len())]
            };
            let mut name = String::from(first);
            if rng.random_bool(0.75) {
                name.push(given[zipf(&mut rng, given.len())]);
            }
            let sequence = rng.random_range(0..499u32) * 2 + u32::from(male);
            let body = format!("{}{:04}{:02}{:02}{sequence:03}", &code[..6], born.0, born.1, born.2);
            let id = format!("{body}{}", check(&body));
            members.push(Person { surname, given: name, born, male, id });
        }
        let phone = mobile(&mut rng);
        let account = format!("62{:017}", rng.random_range(0..10u64.pow(15)));
        let phones: Vec<String> = members.iter().map(|_| if rng.random_bool(0.55) { phone.clone() } else { mobile(&mut rng) }).collect();
        listing += 1;
        let first_listing = listing;
        let twice = rng.random_bool(0.06);
        let new_code = if twice && rng.random_bool(0.4) { village_code(rng.random_range(0..villages)) } else { code.clone() };
        if twice {
            listing += 1;
        }
        let second_listing = listing;
        for (m, one) in members.iter().enumerate() {
            let mut add = |rng: &mut ChaCha8Rng, code: &str, listing: u32, noise: f64| {
                let row = record(rng, one, &members, m, code, &phones[m], &account, listing, noise);
                register.rows.push(row);
                register.person.push(person);
                register.household.push(household);
            };
            add(&mut rng, &code, first_listing, 0.25 * (1.0 + hard));
            if twice && rng.random_bool(0.9) {
                add(&mut rng, &new_code, second_listing, 1.0 + hard);
            } else if rng.random_bool(0.12) {
                // Listed again with another family, or alone.
                let other = village_code(rng.random_range(0..villages));
                let at = if rng.random_bool(0.5) { code.clone() } else { other };
                listing += 1;
                add(&mut rng, &at, listing, 1.0 + hard);
            }
            person += 1;
        }
        household += 1;
    }
    register
}

fn village_code(village: usize) -> String {
    format!("52{:02}{:02}{:03}{:03}", 1 + village / 400 % 9, 1 + village / 40 % 10, 1 + village / 8 % 5, 1 + village % 8)
}

fn mobile(rng: &mut ChaCha8Rng) -> String {
    format!("1{}{:09}", rng.random_range(3..10), rng.random_range(0..1_000_000_000))
}

fn record(
    rng: &mut ChaCha8Rng,
    one: &Person,
    family: &[Person],
    at: usize,
    code: &str,
    phone: &str,
    account: &str,
    listing: u32,
    noise: f64,
) -> [String; 8] {
    let p = |rng: &mut ChaCha8Rng, base: f64| rng.random_bool((base * noise).min(0.9));
    let mut name: Vec<char> = std::iter::once(one.surname).chain(one.given.chars()).collect();
    let last = name.len() - 1;
    if p(rng, 0.05) {
        for c in name.iter_mut() {
            if let Some((_, other)) = HOMOPHONES.iter().find(|(a, _)| a == c) {
                *c = *other;
            }
        }
    } else if p(rng, 0.02) {
        name[last] = '凯';
    } else if p(rng, 0.01) && last == 2 {
        name.swap(1, 2);
    } else if p(rng, 0.006) {
        name[last] = '?';
    } else if p(rng, 0.004) && last == 2 {
        name.remove(1);
    }
    let mut id: Vec<u8> = one.id.bytes().collect();
    if p(rng, 0.06) {
        id.clear();
    } else if p(rng, 0.04) {
        let i = rng.random_range(0..17);
        id[i] = b'0' + (id[i] - b'0' + rng.random_range(1..10)) % 10;
    } else if p(rng, 0.01) {
        let i = rng.random_range(6..16);
        id.swap(i, i + 1);
    } else if p(rng, 0.015) {
        id = family[(at + 1) % family.len()].id.bytes().collect();
    } else if p(rng, 0.01) && one.born.0 < 2000 {
        id = [&id[..6], &id[8..17]].concat();
    } else if p(rng, 0.01) {
        id[6..14].fill(b'*');
    } else if p(rng, 0.005) {
        id[15..].fill(b'0');
    }
    let (mut year, mut month, mut day) = one.born;
    if p(rng, 0.03) {
        match rng.random_range(0..5) {
            0 => day = rng.random_range(1..=28),
            1 if day <= 12 => std::mem::swap(&mut month, &mut day),
            2 => year += 1,
            3 => (month, day) = (1, 1),
            _ => month = rng.random_range(1..=12),
        }
    }
    let mut born = String::new();
    if !p(rng, 0.04) {
        let _ = write!(born, "{year:04}-{month:02}-{day:02}");
    }
    let male = if p(rng, 0.006) { !one.male } else { one.male };
    let phone = if p(rng, 0.25) {
        mobile(rng)
    } else if p(rng, 0.2) {
        String::new()
    } else {
        phone.to_owned()
    };
    let account = if p(rng, 0.15) {
        format!("62{:017}", rng.random_range(0..10u64.pow(15)))
    } else if p(rng, 0.15) {
        String::new()
    } else {
        account.to_owned()
    };
    [
        String::from_utf8(id).unwrap_or_default(),
        name.into_iter().collect(),
        born,
        if male { "男" } else { "女" }.into(),
        code.to_owned(),
        phone,
        account,
        format!("L{listing:07}"),
    ]
}
