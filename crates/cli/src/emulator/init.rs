//! `evenkeel broker --aws DIR --init THING`: an account with its first thing, or
//! one thing more. Nothing is written over.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Folder;
use super::authority::{Authority, Issued};
use super::load::text_if_any;
use crate::error::Failure;
use crate::exit::Exit;
use crate::private;

/// The names by which the broker is reached.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What a new account begins with.
const REGION: &str = "eu-west-1";
const SETTINGS: &str = "\
# AWS IoT Core on this machine; docs/aws.md says what may stand here.
account = \"123456789012\"
region = \"eu-west-1\"
";

/// What every thing may do: its own topics and those of its site.
const POLICY: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect",
     "Resource": "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}"},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:RetainPublish", "iot:Receive"],
     "Resource": [
       "arn:aws:iot:*:*:topic/$aws/things/${iot:Connection.Thing.ThingName}/*",
       "arn:aws:iot:*:*:topic/site/*"]},
    {"Effect": "Allow", "Action": "iot:Subscribe",
     "Resource": [
       "arn:aws:iot:*:*:topicfilter/$aws/things/${iot:Connection.Thing.ThingName}/*",
       "arn:aws:iot:*:*:topicfilter/site/*"]}
  ]
}
"#;

/// Makes what is not there yet, and says what to do with it.
pub(crate) fn init(path: &Path, thing: &str) -> Result<Vec<String>, Failure> {
    check_name(thing)?;
    let folder = Folder::new(path);
    let certificate = folder.certificates().join(format!("{thing}.pem"));
    if std::fs::symlink_metadata(&certificate).is_ok() {
        return Err(Failure::usage(format!("the thing '{thing}' is there already"))
            .why("a key that is written over is lost")
            .hint("give --init another name, or leave it out to start the broker"));
    }
    let mut lines = Vec::new();
    make_folders(&folder)?;
    let authority = authority(&folder, &mut lines)?;
    server(&folder, &authority, &mut lines)?;
    keep_or_write(&folder.settings(), SETTINGS)?;
    keep_or_write(&folder.policies().join("thing.json"), POLICY)?;
    let device = authority.device(thing).map_err(unsigned)?;
    write(&folder.certificates().join(format!("{thing}.key")), &device.key)?;
    let about = format!("status = \"ACTIVE\"\npolicies = [\"thing\"]\nthings = [\"{thing}\"]\n");
    write(&folder.certificates().join(format!("{thing}.toml")), &about)?;
    keep_or_write(&folder.things().join(format!("{thing}.toml")), "[attributes]\n")?;
    // Last, as it says that the thing is there.
    write(&certificate, &device.certificate)?;
    lines.push(format!("thing {thing}: {}, until {}", certificate.display(), device.until));
    lines.extend(next_steps(&folder, thing));
    Ok(lines)
}

/// The two commands to try.
fn next_steps(folder: &Folder, thing: &str) -> Vec<String> {
    let quoted = |path: PathBuf| quoted(&path.display().to_string());
    let file = |end: &str| quoted(folder.certificates().join(format!("{thing}.{end}")));
    vec![
        "now start it, and report to the thing's shadow from another terminal:".into(),
        format!("  evenkeel broker --profile aws-iot-core --aws {}", quoted(folder.root().into())),
        format!(
            "  evenkeel pub -h localhost -p 8883 --aws-region {REGION} --cafile {} \\\n    \
             --cert {} --key {} -i {} -q 1 \\\n    \
             '$aws/things/{thing}/shadow/update' '{{\"state\":{{\"reported\":{{\"level\":4.2}}}}}}'",
            quoted(folder.authority()),
            file("pem"),
            file("key"),
            self::quoted(thing),
        ),
    ]
}

/// For a shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

pub(super) fn check_name(thing: &str) -> Result<(), Failure> {
    if evenkeel_aws::is_thing_name(thing) {
        return Ok(());
    }
    Err(Failure::usage(format!("'{thing}' is no name of a thing"))
        .why("AWS takes 1 to 128 letters, digits and :_-")
        .hint("such as pump-17"))
}

fn make_folders(folder: &Folder) -> Result<(), Failure> {
    let all = [folder.root().into(), folder.policies(), folder.things(), folder.certificates()];
    for path in &all {
        private::create_folders(path).map_err(|error| {
            Failure::usage(format!("the folder '{}' cannot be made", path.display()))
                .why(error)
                .hint("give --aws another path")
        })?;
    }
    Ok(())
}

/// The folder's authority; a new one if it has none.
fn authority(folder: &Folder, lines: &mut Vec<String>) -> Result<Authority, Failure> {
    let (path, key) = (folder.authority(), folder.authority_key());
    match (text_if_any(&path)?, text_if_any(&key)?) {
        (Some(certificate), Some(key_text)) => {
            Authority::read(&certificate, &key_text).map_err(|error| {
                let what = format!("'{}' and '{}' are no authority", path.display(), key.display());
                Failure::usage(what).why(error).hint("move both away to have a new one made")
            })
        }
        (None, None) => {
            let (authority, issued) = Authority::make().map_err(unsigned)?;
            write_pair(&path, &key, &issued)?;
            lines.push(format!("authority: {}, until {}", path.display(), issued.until));
            Ok(authority)
        }
        _ => Err(Failure::usage(format!("'{}' has half an authority", folder.root().display()))
            .why("ca.pem and ca.key belong together")
            .hint("bring the other file back, or move this one away")),
    }
}

fn server(folder: &Folder, authority: &Authority, lines: &mut Vec<String>) -> Result<(), Failure> {
    let (path, key) = (folder.server(), folder.server_key());
    if text_if_any(&path)?.is_some() && text_if_any(&key)?.is_some() {
        return Ok(());
    }
    let mut names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    names.push(format!("*.iot.{REGION}.amazonaws.com"));
    let issued = authority.server(&names).map_err(unsigned)?;
    write_pair(&path, &key, &issued)?;
    let names = names.join(", ");
    lines.push(format!("broker: {} for {names}, until {}", path.display(), issued.until));
    Ok(())
}

fn write_pair(certificate: &Path, key: &Path, issued: &Issued) -> Result<(), Failure> {
    write(key, &issued.key)?;
    write(certificate, &issued.certificate)
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    private::write_new(path, text.as_bytes()).map_err(|error| unwritable(path, error))
}

/// Writes a file unless there is one.
fn keep_or_write(path: &Path, text: &str) -> Result<(), Failure> {
    match private::write_new(path, text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome.map_err(|error| unwritable(path, error)),
    }
}

fn unwritable(path: &Path, error: std::io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("'{}' cannot be written", path.display())).why(error)
}

pub(super) fn unsigned(error: rcgen::Error) -> Failure {
    Failure::new(Exit::Failed, "a certificate cannot be made").why(error)
}
