//! Kills the instances if the endpoint itself is killed: a shell that reads a pipe from the endpoint. Instances come and
//! go on it; when it ends, whoever is of a session, or bears the mark, of an instance still listed is killed.

use super::sessions::MARK;
use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;

/// Plain bash: it must work where there is nothing but bash and /proc.
const SCRIPT: &str = r#"
declare -A sessions marks
while read -r op session mark; do
  case $op in
    +) sessions[$session]=1 marks[$mark]=1 ;;
    -) unset "sessions[$session]" "marks[$mark]" ;;
  esac
done
belongs() { # PID SESSION
  [[ -n ${sessions[$2]:-} ]] && return
  local entry
  while IFS= read -r -d '' entry; do
    [[ -n $entry && -n ${marks[$entry]:-} ]] && return
  done 2>/dev/null < "/proc/$1/environ"
  return 1
}
[[ ${#sessions[@]} -gt 0 ]] || exit 0
empty=0
for round in {1..20}; do
  found=
  for dir in /proc/[0-9]*; do
    pid=${dir#/proc/}
    { read -r line < "$dir/stat"; } 2>/dev/null || continue
    set -- ${line##*) }
    if [[ $pid != $$ && $1 != Z && -n ${4:-} ]] && belongs "$pid" "$4" 2>/dev/null; then
      kill -KILL "$pid" 2>/dev/null && found=1
    fi
  done
  if [[ $found ]]; then empty=0; else empty=$((empty + 1)); fi
  [[ $empty == 3 ]] && exit 0
  sleep 0.02
done
"#;

pub struct Watchdog {
    pipe: Mutex<Option<ChildStdin>>,
    shell: Mutex<Child>,
}

impl Watchdog {
    pub fn start() -> std::io::Result<Watchdog> {
        let mut shell = Command::new("setsid")
            .args(["bash", "-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let pipe = Mutex::new(shell.stdin.take());
        Ok(Watchdog { pipe, shell: Mutex::new(shell) })
    }

    pub fn watch(&self, session: u32, instance: &str) {
        self.send(&format!("+ {session} {MARK}={instance}\n"));
    }

    pub fn forget(&self, session: u32, instance: &str) {
        self.send(&format!("- {session} {MARK}={instance}\n"));
    }

    fn send(&self, line: &str) {
        let mut pipe = self.pipe.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(pipe) = pipe.as_mut() {
            // Nothing can be sent to a watchdog that is gone; the instances are killed by the endpoint all the same.
            let _ = pipe.write_all(line.as_bytes());
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.pipe.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        let _ = self.shell.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).wait();
    }
}
