//! Every colour of text can be read on every ground that it stands on, in light and in dark: 4.5 to 1, and what is drawn 3 to
//! 1 (WCAG 2.2, AA). Idle time is the ground of a lane and no sign.

use std::collections::BTreeMap;

const STYLE: &str = include_str!("../../templates/style.css");

/// The colours of a block of the style sheet by their names.
fn palette(block: &str) -> BTreeMap<&str, [f64; 3]> {
    let body = &STYLE[STYLE.find(block).expect("the block") + block.len()..];
    let body = &body[..body.find('}').expect("its end")];
    let colours = body.split(';').filter_map(|line| line.trim().strip_prefix("--")?.split_once(":#"));
    colours.map(|(name, hex)| (name, channels(hex))).collect()
}

fn channels(hex: &str) -> [f64; 3] {
    let hex = if hex.len() == 3 { hex.chars().flat_map(|c| [c, c]).collect() } else { hex.to_owned() };
    [0, 2, 4].map(|at| {
        let channel = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")) / 255.0;
        if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    })
}

fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let light = |[r, g, b]: [f64; 3]| 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    let (a, b) = (light(a), light(b));
    a.max(b) / a.min(b)
}

#[test]
fn text_and_drawings_stand_out() {
    for block in [":root{color-scheme:light dark;", "(prefers-color-scheme:dark){:root{", "@media print{:root{"] {
        let colours = palette(block);
        for ground in ["paper", "panel"] {
            for text in ["ink", "soft", "link", "good", "warn", "bad"] {
                let found = contrast(colours[text], colours[ground]);
                assert!(found >= 4.5, "{text} on {ground}: {found:.2} in {block}");
            }
        }
        for class in ["useful", "boot", "lost", "retried", "failed"] {
            let found = contrast(colours[class], colours["paper"]);
            assert!(found >= 3.0, "{class}: {found:.2} in {block}");
        }
    }
}
