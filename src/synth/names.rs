//! Made-up names of people and places.

use super::draw::Draw;

const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤";
const MALE: &str = "伟强磊军洋勇杰涛明超刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林欢阳建亮成志国文德发贵福云海山荣昌兴义忠正永光生顺学友才仁诚庆新春元河富根金柱";
const FEMALE: &str = "芳娜敏静丽艳娟霞燕玲桂英梅兰凤珍琴秀红莲菊云雪琼素翠仙花香月春玉美慧莉萍莹婷洁倩颖露瑶怡婵雁蓓纨仪荷丹蓉眉君琳巧彩会群芝碧莎锦黛青淑惠珠";
const PLACE: &str = "青白石龙云安高水清平新长金岩溪桥坪寨坝湾河塘山沙花红双大小东西南北上下柳松杉竹茶桐梨桃枫岭冲沟洞井泉";

fn chars(text: &'static str) -> Vec<char> {
    text.chars().collect()
}

pub(super) struct Names {
    surnames: Vec<char>,
    male: Vec<char>,
    female: Vec<char>,
    place: Vec<char>,
}

impl Names {
    pub(super) fn new() -> Self {
        Names { surnames: chars(SURNAMES), male: chars(MALE), female: chars(FEMALE), place: chars(PLACE) }
    }

    /// Frequent surnames stand first in the list and are drawn more often.
    pub(super) fn surname(&self, draw: &mut Draw) -> char {
        let a = draw.below(self.surnames.len());
        let b = draw.below(self.surnames.len());
        self.surnames[a.min(b)]
    }

    pub(super) fn person(&self, draw: &mut Draw, surname: char, female: bool) -> String {
        let given = if female { &self.female } else { &self.male };
        let mut name = String::with_capacity(9);
        name.push(surname);
        name.push(draw.pick(given));
        if draw.per_mille(880) {
            name.push(draw.pick(given));
        }
        name
    }

    pub(super) fn place(&self, draw: &mut Draw, kind: &str) -> String {
        format!("{}{}{kind}", draw.pick(&self.place), draw.pick(&self.place))
    }
}
