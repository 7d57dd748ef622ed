//! What the program says about itself: help, completion scripts, manual pages.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::evenkeel;

/// Hands a script to its shell, to be read but not run; `None` if that is
/// not installed.
fn is_understood(shell: &str, script: &str) -> Option<bool> {
    let mut command = Command::new(shell);
    command.arg("-n").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    Some(child.wait().unwrap().success())
}

#[tokio::test]
async fn completions_for_each_shell_know_commands_and_flags() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = evenkeel("completions").args([shell]).run().await.out();
        for word in ["soak", "completions", "retained-only", "tls-alpn"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
        assert_ne!(is_understood(shell, &script), Some(false), "{shell} does not understand it");
    }
    let ran = evenkeel("completions tcsh").run().await.expect(2);
    ran.says("bash, elvish, fish, powershell, zsh");
    evenkeel("completions").run().await.expect(2).says("error: <SHELL> is missing\nhint: see ");
}

#[tokio::test]
async fn completions_of_bash_complete() {
    let script = evenkeel("completions bash").run().await.out();
    let asked = "COMP_WORDS=(evenkeel sub --retain); COMP_CWORD=2; \
                 _evenkeel evenkeel --retain sub; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let Ok(output) = Command::new("bash").args(["-c", &format!("{script}\n{asked}")]).output()
    else {
        eprintln!("SKIPPED: bash is not installed");
        return;
    };
    let completed = String::from_utf8(output.stdout).unwrap();
    let mut completed: Vec<_> = completed.lines().collect();
    completed.sort_unstable();
    assert_eq!(completed, ["--retain-as-published", "--retain-handling", "--retained-only"]);
}

#[tokio::test]
async fn manual_pages_describe_the_program_and_each_command() {
    let page = evenkeel("man").run().await.out();
    assert!(page.contains(".TH evenkeel"), "{page}");
    assert!(page.contains("Subscribe and print messages"), "{page}");
    let page = evenkeel("man sub").run().await.out();
    for text in [".TH evenkeel-sub", "\\fB\\-\\-retained\\-only\\fR", ".SH SYNOPSIS"] {
        assert!(page.contains(text), "no {text} in\n{page}");
    }
    let ran = evenkeel("man nothing").run().await.expect(2);
    assert_eq!(ran.out, "");
    ran.says("error: there is no command 'nothing'\nhint: the commands are pub, sub, ");
}

/// The hint names all there is.
#[tokio::test]
async fn every_command_of_the_hint_has_help() {
    let said = evenkeel("help nothing").run().await.expect(2).err;
    let commands = said.rsplit_once("the commands are ").unwrap().1.trim();
    for command in commands.split(", ") {
        let help = evenkeel("help").args([command]).run().await.out();
        assert!(help.contains(&format!("evenkeel {command}")), "{command}: {help}");
    }
}
