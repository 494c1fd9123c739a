//! Kills the instances if the endpoint itself is killed: a shell that reads a pipe from the endpoint. Sessions come and
//! go on it; when it ends without a word, whatever session is still listed is killed.

use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;

/// Plain bash: it must work where there is nothing but bash and /proc.
const SCRIPT: &str = r#"
declare -A live
while read -r op sid; do
  case $op in
    +) live[$sid]=1 ;;
    -) unset "live[$sid]" ;;
  esac
done
for round in 1 2 3 4 5 6 7 8 9 10; do
  found=
  for stat in /proc/[0-9]*/stat; do
    { read -r line < "$stat"; } 2>/dev/null || continue
    set -- ${line##*) }
    if [[ $1 != Z && -n ${4:-} && -n ${live[$4]:-} ]]; then
      kill -KILL "${line%% *}" 2>/dev/null && found=1
    fi
  done
  [[ -z $found ]] && exit 0
  sleep 0.05
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

    pub fn watch(&self, session: u32) {
        self.say(&format!("+ {session}\n"));
    }

    pub fn forget(&self, session: u32) {
        self.say(&format!("- {session}\n"));
    }

    fn say(&self, line: &str) {
        let mut pipe = self.pipe.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(pipe) = pipe.as_mut() {
            // A watchdog that is gone cannot be told; the instances are killed by the endpoint all the same.
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
