//! Characters and names of a roll: how often they are borne, and what is mistaken for what.

use rustc_hash::FxHashMap;

use crate::synth::draw::Draw;

/// The hundred most frequent surnames, most frequent first.
const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤";
const COMPOUND: [&str; 4] = ["欧阳", "司马", "上官", "诸葛"];
const MALE: &str = "国建文志军伟德明华强平永林海金生成东光荣福云正春兴玉山贵辉庆忠勇新学祥龙清发世有宝根安才顺富立友长元义昌树良仁水木培朝杰鹏涛浩宇俊凯鑫波斌飞磊超亮刚洋帆旭宁健诚彬晨泽轩梓睿铭博文祖承启嘉天乐恒峰锋钢全利和连仕开先喜来";
const FEMALE: &str = "英秀芳兰玉桂珍凤梅红丽华霞敏艳静玲莲琴娟燕菊香云萍春小慧素翠芬美群琼仙会月淑芝荣惠菲婷雪颖倩欣怡佳莹洁晶丹露娜瑶琳思雨梦涵梓诗妍萱馨悦彩银花叶娥珠巧青连先芹蓉碧雯蕾媛薇婉";
/// Characters read alike.
const HOMOPHONES: &str = "伟卫炜玮 强墙 军君均俊钧 洋杨阳扬羊 勇永咏 杰洁婕 涛桃韬 明名鸣铭 刚钢岗 平萍苹屏 辉晖慧惠会绘 鹏朋彭 华桦花 飞菲霏 鑫新欣馨心 波博 斌彬宾滨 宇玉雨羽 浩昊皓 凯恺 健建剑 宁凝 龙隆 林琳霖临 亮靓 成诚城程承 志智芝之治 国果 文雯闻 德得 发法 贵桂 富福付傅 云芸运耘 山珊 荣容蓉融 昌长 兴星 义艺毅怡宜仪 忠中钟 正政郑 光广 生升胜声 学雪 友有佑 仁人任 庆清青 元园媛圆 和河荷合何 金今锦 柱珠竹 芳方 敏民 静婧晶菁景 丽莉利立莲连 艳燕彦雁妍 霞夏 玲灵铃凌 英莹颖瑛 梅美 兰岚蓝 凤丰峰锋 珍真贞 琴勤芹秦 秀绣 红宏洪虹 菊巨 仙先鲜 香湘祥翔 月悦跃 婷亭廷 倩茜 露璐 丹单 巧俏 淑舒树 张章 王汪 李黎理 刘柳 陈辰晨 黄煌 赵兆 吴武伍 周洲 徐许旭绪 孙逊 胡湖 郭国 罗骡 梁良 谢榭 宋送 唐堂 冯逢 邓等 曹槽 肖萧晓 田甜 潘盘 于余俞鱼 蒋讲 蔡菜 杜度 叶业 苏素 魏卫位 吕旅 沈审 姚尧瑶 姜江 崔翠 钟忠 谭谈 陆路 范饭 石时 廖料 贾甲 韦维 白百 邹周 孟梦 秦琴 邱秋 薛雪 闫颜严炎 段断 雷蕾 史使 陶桃 贺赫 顾故 毛茂 龚宫 邵绍 万婉 钱前 戴代 莫墨 孔恐 向象 汤唐 小晓 春椿 思丝 佳家嘉 梓子紫 启起 恒衡 开凯 泽则 睿瑞 祖组 天添 乐月 全泉 水睡 木目 世仕士 安庵 宝保 根跟 才财 立力 海害 永泳";
/// Characters that look alike on paper.
const LOOKALIKES: &str = "末未 土士 己已 天夫 玉王 田由 木本 大太 佳住 晴清 扬杨 圆园 浩治 代伐 伟传 娟捐 玲铃 梅海 清情 明朋 洪供 莉利 林材 建健 芳方 萍苹 凤风 春舂 桂挂 陈阵 李季 张弘 刘刈 吴昊 周同 朱未 何伺 高商 艳绝 英央 学字 光兴 荣荥 秀季 福副 金全 成戊 文交 永水 生主 贵责 海悔 龙尤 祥详 庆床 忠志 国围 军车 志忘 云去 山出 石右 白自 丁了 于干 千干 史吏 万方 毛手 任仕 侯候 薛薜 段叚 汤场 陆随 泽译 轩轧 铭铬 博傅 涛淘 旭地 宇字 丽两 香杳 雪雷 红江 琴琵 珍诊 素索 翠率 芬分 美羡 丹舟 婷停 月用";
/// Simplified and traditional or variant forms.
const VARIANTS: &str = "张張 刘劉 陈陳 杨楊 黄黃 赵趙 吴吳 孙孫 马馬 国國 华華 军軍 伟偉 兰蘭 凤鳳 丽麗 贵貴 龙龍 云雲 荣榮 罗羅 郑鄭 谢謝 许許 韩韓 冯馮 邓鄧 萧肖 阎闫 傅付 戴代 邱丘 叶葉 苏蘇 吕呂 卢盧 钟鐘 谭譚 陆陸 贾賈 韦韋 邹鄒 顾顧 龚龔 万萬 钱錢 严嚴 汤湯 峰峯 群羣 宝寶 学學 义義 东東 庆慶 兴興";
/// Parts of names of other languages, with their usual other spelling.
const TRANSLIT: &str = "买买提,麦麦提 阿卜杜拉,阿布都拉 古丽,古力 艾山,艾散 吐尔逊,图尔荪 热合曼,热赫曼 尼牙孜,尼亚孜 玉素甫,玉苏甫 依明,伊敏 帕提古丽,帕提姑丽 阿依夏木,阿依先木 库尔班,库尔板 次仁,才让 扎西,扎喜 卓玛,拙玛 多吉,多杰 木沙,穆萨 阿木尔呷,阿木尔嘎";

/// Draws with weights that fall like 1 / (rank + offset).
pub(super) struct Ranked {
    cumulative: Vec<u64>,
}

impl Ranked {
    fn new(n: usize, offset: u64) -> Self {
        let mut total = 0;
        let cumulative = (0..n as u64)
            .map(|rank| {
                total += 1_000_000 / (rank + offset);
                total
            })
            .collect();
        Ranked { cumulative }
    }
    fn draw(&self, draw: &mut Draw) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(1);
        let at = draw.below(total as usize) as u64;
        self.cumulative.partition_point(|&c| c <= at)
    }
}

pub(in crate::synth) struct Words {
    surnames: Vec<String>,
    surname_rank: Ranked,
    male: Vec<char>,
    female: Vec<char>,
    given_rank: Ranked,
    homophones: FxHashMap<char, Vec<char>>,
    lookalikes: FxHashMap<char, Vec<char>>,
    variants: FxHashMap<char, Vec<char>>,
    pub(super) translit: Vec<(&'static str, &'static str)>,
}

fn groups(text: &'static str) -> FxHashMap<char, Vec<char>> {
    let mut all: FxHashMap<char, Vec<char>> = FxHashMap::default();
    for group in text.split(' ') {
        for a in group.chars() {
            let others = group.chars().filter(|&b| b != a);
            all.entry(a).or_default().extend(others);
        }
    }
    all
}

/// What stands for a character when a name is mistaken.
#[derive(Clone, Copy)]
pub(super) enum Mistake {
    Homophone,
    LookAlike,
    Variant,
}

impl Words {
    pub(in crate::synth) fn new() -> Self {
        let mut surnames: Vec<String> = SURNAMES.chars().map(String::from).collect();
        surnames.extend(COMPOUND.map(String::from));
        let (male, female): (Vec<char>, Vec<char>) = (MALE.chars().collect(), FEMALE.chars().collect());
        Words {
            surname_rank: Ranked::new(surnames.len(), 6),
            given_rank: Ranked::new(male.len().min(female.len()), 9),
            surnames,
            male,
            female,
            homophones: groups(HOMOPHONES),
            lookalikes: groups(LOOKALIKES),
            variants: groups(VARIANTS),
            translit: TRANSLIT.split(' ').filter_map(|pair| pair.split_once(',')).collect(),
        }
    }

    pub(super) fn surname(&self, draw: &mut Draw) -> usize {
        self.surname_rank.draw(draw)
    }

    pub(super) fn surname_text(&self, surname: usize) -> &str {
        self.surnames.get(surname).map_or("王", String::as_str)
    }

    /// A given-name character. Fashion moves: each twenty years begin the list elsewhere.
    pub(super) fn given(&self, draw: &mut Draw, female: bool, birth_year: i32) -> char {
        let list = if female { &self.female } else { &self.male };
        let shift = ((birth_year - 1900) / 20).max(0) as usize * 11;
        list[(self.given_rank.draw(draw) + shift) % list.len()]
    }

    /// Another character for one of the name's that has one of that kind; `None` when none has.
    pub(super) fn mistaken(&self, draw: &mut Draw, name: &str, kind: Mistake) -> Option<String> {
        let table = match kind {
            Mistake::Homophone => &self.homophones,
            Mistake::LookAlike => &self.lookalikes,
            Mistake::Variant => &self.variants,
        };
        let places: Vec<usize> = name.chars().enumerate().filter(|(_, c)| table.contains_key(c)).map(|(i, _)| i).collect();
        if places.is_empty() {
            return None;
        }
        let at = draw.pick(&places);
        Some(name.chars().enumerate().map(|(i, c)| if i == at { draw.pick(&table[&c]) } else { c }).collect())
    }

    pub(super) fn respelled(&self, draw: &mut Draw, name: &str) -> Option<String> {
        let known: Vec<&(&str, &str)> = self.translit.iter().filter(|(a, _)| name.contains(a)).collect();
        if known.is_empty() {
            return None;
        }
        let (a, b) = draw.pick(&known);
        Some(name.replacen(a, b, 1))
    }
}
