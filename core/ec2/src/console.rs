//! What a machine wrote to its console, as EC2 reports it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Lines of a console's end that are reported.
const CONSOLE_LINES: usize = 12;

/// The last lines of a console as EC2 gives it, in base64; nothing if it is empty.
pub fn console_tail(output: &str) -> Option<String> {
    let bytes = STANDARD.decode(output.trim()).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let tail = &lines[lines.len().saturating_sub(CONSOLE_LINES)..];
    (!tail.is_empty()).then(|| tail.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_reported() {
        let lines: Vec<String> = (1..=20).map(|n| format!("line {n}\r\n\r\n")).collect();
        let tail = console_tail(&STANDARD.encode(lines.concat())).expect("lines");
        assert!(tail.starts_with("line 9\nline 10\n") && tail.ends_with("\nline 20"), "{tail}");
        assert_eq!(console_tail(&STANDARD.encode("\r\n \n")), None);
        assert_eq!(console_tail("no base64"), None);
    }
}
