//! Exports by their columns and lines.

use super::*;

const LEGACY: &str = "identity/LineItemId,lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,\
                      lineItem/UsageType,lineItem/ResourceId,lineItem/UnblendedCost,lineItem/CurrencyCode,\
                      bill/BillingPeriodStartDate,resourceTags/user:spotmill:run";
const HOUR: &str = "a1|Usage|2026-11-01T07:00:00Z|2026-11-01T08:00:00Z|USE2-SpotUsage:r7g.large|i-0a|0.0142|USD|\
                    2026-11-01T00:00:00Z|flights/2013-01-01";

fn layout(header: &str) -> Layout {
    Layout::of(&header.split(',').collect::<Vec<_>>()).expect("a layout")
}

fn add(export: &mut Export, layout: &Layout, line: &str) -> Result<(), String> {
    export.add("data", layout, &line.split('|').collect::<Vec<_>>())
}

fn one(header: &str, line: &str) -> (Billed, Option<u64>) {
    let mut export = Export::default();
    add(&mut export, &layout(header), line).expect("a line");
    let bill = export.end().expect("a bill");
    (bill.lines[0].clone(), bill.until_ms)
}

#[test]
fn every_form_of_an_export_has_the_same_line() {
    let (legacy, until_ms) = one(LEGACY, HOUR);
    assert_eq!(
        (legacy.nanos, legacy.kind, legacy.run.as_deref()),
        (14_200_000, Kind::Machine, Some("flights/2013-01-01"))
    );
    assert_eq!((legacy.start_ms, until_ms), (1_793_516_400_000, Some(1_793_520_000_000)));
    let second = snake(LEGACY.replace(',', "-").as_str());
    assert!(second.contains("line_item_usage_start_date"), "{second}");
    let names: Vec<String> = LEGACY.split(',').map(snake).collect();
    assert_eq!(one(&names.join(","), HOUR).0, legacy);
    // Tags as a map.
    let map = names.join(",").replace("resource_tags_user_spotmill_run", "resource_tags");
    let tagged = HOUR.replace("flights/2013-01-01", r#"{"user_spotmill_run":"flights/2013-01-01","user_team":null}"#);
    assert_eq!(one(&map, &tagged).0, legacy);
    let focus = "BilledCost,BillingCurrency,BillingPeriodStart,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,ResourceId,\
                 Tags,x_UsageType";
    let line = r#"0.0142|USD|2026-11-01 00:00:00|Usage|2026-11-01 07:00:00|2026-11-01 08:00:00|arn:aws:ec2:us-east-2:1:instance/i-0a|{"spotmill:run":"flights/2013-01-01"}|USE2-SpotUsage:r7g.large"#;
    assert_eq!(one(focus, line).0, legacy);
}

#[test]
fn a_header_that_lacks_a_column_is_refused_by_its_name() {
    let of = |header: &str| Layout::of(&header.split(',').collect::<Vec<_>>()).expect_err("no layout");
    assert!(of("a,b").starts_with("expected the header of a Cost and Usage Report"));
    let lacks = of(&LEGACY.replace("lineItem/ResourceId,", ""));
    assert!(
        lacks.starts_with(
            "expected the column line_item_resource_id of a Cost and Usage Report; export it with resource ids"
        ),
        "{lacks}"
    );
    assert!(of("BilledCost,Tags").starts_with("expected the column resource_id, billing_currency, "));
}

#[test]
fn a_line_is_counted_once_and_others_are_summed() {
    let (mut export, layout) = (Export::default(), layout(LEGACY));
    for line in [HOUR, HOUR, &HOUR.replace("T07", "T06").replace("a1|", "a2|")] {
        add(&mut export, &layout, line).expect("a line");
    }
    let other = HOUR.replace("i-0a", "bucket").replace("flights/2013-01-01", "").replace("|0.0142", "|-1");
    add(&mut export, &layout, &other).expect("another's");
    // A fee of a month says nothing of how far usage is billed.
    let month = HOUR.replace("2026-11-01T08", "2026-12-01T00").replace("a1|", "a3|");
    add(&mut export, &layout, &month).expect("a month");
    let bill = export.end().expect("a bill");
    assert_eq!((bill.lines.len(), bill.repeated, bill.until_ms), (3, 1, Some(1_793_520_000_000)));
    assert_eq!(bill.others, Others { lines: 1, nanos: -1_000_000_000 });
}

#[test]
fn a_line_that_is_none_is_refused_by_what_is_expected() {
    let cases = [
        ("|USD|", "|EUR|", "currency: expected USD; other currencies are not compared, found `EUR`"),
        ("|0.0142|", "|cheap|", "cost: expected an amount such as 0.0142, found `cheap`"),
        ("2026-11-01T07:00:00Z", "noon", "start: expected a time such as 2026-11-01T07:00:00Z, found `noon`"),
        ("a1|", "", "expected 10 fields, as the header has, found 9"),
    ];
    for (from, to, expected) in cases {
        let refused = add(&mut Export::default(), &layout(LEGACY), &HOUR.replace(from, to));
        assert_eq!(refused, Err(expected.to_owned()));
    }
    let map = LEGACY.replace("resourceTags/user:spotmill:run", "tags");
    let refused = add(&mut Export::default(), &layout(&map), HOUR).expect_err("no JSON");
    assert!(refused.starts_with("tags: expected a JSON object of texts, found `flights"), "{refused}");
}

#[test]
fn two_deliveries_of_a_period_are_refused() {
    let (mut export, layout) = (Export::default(), layout(LEGACY));
    let fields: Vec<&str> = HOUR.split('|').collect();
    export.add("a", &layout, &fields).expect("a line");
    let refused = export.add("b", &layout, &fields).expect_err("two deliveries");
    assert!(refused.contains("one delivery of the billing period 2026-11-01T00:00:00Z; a holds it too"), "{refused}");
}

#[test]
fn hours_volumes_and_the_rest_are_told_apart() {
    let of = |resource, usage| kind(resource, usage);
    assert_eq!(of("i-1", Some("USW2-SpotUsage:c7g.large")), Kind::Machine);
    assert_eq!(of("i-1", Some("BoxUsage:m7i.large")), Kind::Machine);
    assert_eq!(of("i-1", Some("DataTransfer-Regional-Bytes")), Kind::Other);
    assert_eq!(of("i-1", None), Kind::Machine);
    assert_eq!(of("vol-1", Some("EBS:VolumeUsage.gp3")), Kind::Volume);
    assert_eq!(of("bucket", None), Kind::Other);
}
