//! TPC-H's tables at a thousandth of its first scale, in its own format, without the columns of text that no query of
//! ours reads. The distributions are simpler than the benchmark's: it is an example, and no measure.

use super::File;
use super::random::Random;

const ORDERS: u64 = 1_500;
const CUSTOMERS: u64 = 150;
const SUPPLIERS: u64 = 20;
const PARTS: u64 = 200;
/// Files of each big table, as a warehouse unloads them.
const FILES: u64 = 4;
const REGIONS: [&str; 5] = ["AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"];
/// With the number of its region.
const NATIONS: [(&str, u64); 25] = [
    ("ALGERIA", 0),
    ("ARGENTINA", 1),
    ("BRAZIL", 1),
    ("CANADA", 1),
    ("EGYPT", 4),
    ("ETHIOPIA", 0),
    ("FRANCE", 3),
    ("GERMANY", 3),
    ("INDIA", 2),
    ("INDONESIA", 2),
    ("IRAN", 4),
    ("IRAQ", 4),
    ("JAPAN", 2),
    ("JORDAN", 4),
    ("KENYA", 0),
    ("MOROCCO", 0),
    ("MOZAMBIQUE", 0),
    ("PERU", 1),
    ("CHINA", 2),
    ("ROMANIA", 3),
    ("SAUDI ARABIA", 4),
    ("VIETNAM", 2),
    ("RUSSIA", 3),
    ("UNITED KINGDOM", 3),
    ("UNITED STATES", 1),
];

pub fn files() -> Vec<File> {
    let mut random = Random::new(1_992);
    let mut orders = vec![String::new(); FILES as usize];
    let mut lines = vec![String::new(); FILES as usize];
    for key in 1..=ORDERS {
        let file = (key * FILES / (ORDERS + 1)) as usize;
        order(key, &mut random, &mut orders[file], &mut lines[file]);
    }
    let region: String = REGIONS.iter().enumerate().map(|(key, name)| format!("{key}|{name}\n")).collect();
    let nations = NATIONS.iter().enumerate();
    let nation: String = nations.map(|(key, (name, region))| format!("{key}|{name}|{region}\n")).collect();
    let mut files = vec![table("region", region), table("nation", nation)];
    files.push(table("supplier", (1..=SUPPLIERS).map(|key| of_a_nation(key, "Supplier", &mut random)).collect()));
    files.push(table("customer", (1..=CUSTOMERS).map(|key| of_a_nation(key, "Customer", &mut random)).collect()));
    let parts = |name: &'static str, texts: Vec<String>| {
        texts.into_iter().enumerate().map(move |(n, text)| table(&format!("{name}/{n}"), text))
    };
    files.extend(parts("orders", orders));
    files.extend(parts("lineitem", lines));
    files
}

fn table(name: &str, text: String) -> File {
    (format!("data/{name}.tbl"), text.into_bytes())
}

/// Four nations have most of them, so that customers and suppliers of one nation meet.
fn of_a_nation(key: u64, what: &str, random: &mut Random) -> String {
    let nation = if random.below(2) == 0 { 6 + random.below(4) } else { random.below(NATIONS.len() as u64) };
    format!("{key}|{what}#{key:09}|{nation}\n")
}

fn order(key: u64, random: &mut Random, orders: &mut String, lines: &mut String) {
    let customer = random.between(1, CUSTOMERS);
    let ordered = date(random.below(2_400));
    let status = random.of(&["F", "O", "P"]);
    orders.push_str(&format!("{key}|{customer}|{status}|{ordered}\n"));
    for number in 1..=random.between(1, 7) {
        let (part, supplier) = (random.between(1, PARTS), random.between(1, SUPPLIERS));
        let quantity = random.between(1, 50);
        let cents = quantity * (90_000 + part * 10 + random.below(1_000));
        let (discount, tax) = (random.below(11), random.below(9));
        let flag = random.of(&["A", "N", "R"]);
        let (price, rest) = (cents / 100, cents % 100);
        lines.push_str(&format!(
            "{key}|{part}|{supplier}|{number}|{quantity}|{price}.{rest:02}|0.{discount:02}|0.{tax:02}|{flag}\n"
        ));
    }
}

/// A day of the benchmark's seven years, by its number from 1992-01-01.
fn date(mut day: u64) -> String {
    let mut year = 1992;
    loop {
        let leap = year % 4 == 0;
        let months = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        for (month, days) in months.into_iter().enumerate() {
            if day < days {
                return format!("{year}-{:02}-{:02}", month + 1, day + 1);
            }
            day -= days;
        }
        year += 1;
    }
}
