//! What a new user types first: the program alone, a letter alone, a word too few.

use crate::support::{broker, evenkeel, folder};

#[tokio::test]
async fn a_command_alone_shows_its_help_and_does_nothing() {
    for (line, says) in
        [("", "Usage: evenkeel <COMMAND>"), ("queue", "Usage: evenkeel queue <COMMAND>")]
    {
        let ran = evenkeel(line).run().await.expect(2).says(says).says("\nExamples:\n");
        assert_eq!(ran.out, "");
    }
}

#[tokio::test]
async fn a_letter_alone_is_answered_on_stdout() {
    let help = evenkeel("help").run().await.out();
    assert_eq!(evenkeel("-h").run().await.out(), help);
    assert_eq!(evenkeel("-V").run().await.out(), evenkeel("version").run().await.out());
    let help = evenkeel("help sub").run().await.out();
    assert_eq!(evenkeel("sub -h").run().await.out(), help);
    assert!(help.contains("\nExamples:\n") && help.contains("250ms"), "{help}");
}

#[tokio::test]
async fn a_negative_number_is_a_message() {
    let broker = broker().await;
    evenkeel("pub t -5 -r -q 1").at(&broker).run().await.expect(0);
    evenkeel("pub u -r -q 1 -4.2").at(&broker).run().await.expect(0);
    let shown = evenkeel("sub # -v -C 2 -W 10").at(&broker).run().await.out();
    let mut shown: Vec<_> = shown.lines().collect();
    shown.sort_unstable();
    assert_eq!(shown, ["t -5", "u -4.2"]);
}

#[tokio::test]
async fn a_time_limit_of_zero_is_none() {
    let broker = broker().await;
    evenkeel("pub t x -r -q 1 -W 0").at(&broker).run().await.expect(0);
    assert_eq!(evenkeel("sub t -C 1 -W 0").at(&broker).run().await.out(), "x\n");
    // A `sub` without a limit is ended by a signal, and that is success.
    let mut running = evenkeel("sub t -W 0 -d").at(&broker).start();
    running.until_says("subscribed to 't'").await;
    running.signal("INT").await;
    running.ended().await.expect(0);
}

#[tokio::test]
async fn a_store_that_is_not_there_is_looked_for_in_vain() {
    let empty = folder();
    let shown = empty.display();
    evenkeel(&format!("queue ls {shown}")).run().await.expect(22).says(&format!(
        "error: there is no store to look into\nwhy: the folder '{shown}' holds none\nhint: give the \
         folder that the client had as its --store\n"
    ));
    for action in ["ls", "rm --queued", "export", "requeue --all"] {
        let ran = evenkeel(&format!("queue {action} {shown}/none")).run().await.expect(22);
        ran.says(&format!("\nwhy: there is no folder '{shown}/none'\n"));
    }
    assert_eq!(std::fs::read_dir(&empty).unwrap().count(), 0, "nothing was made");
}

#[cfg(unix)]
#[tokio::test]
async fn variables_that_are_no_text_are_refused() {
    use std::os::unix::ffi::OsStrExt;

    let broken = std::ffi::OsStr::from_bytes(b"\xff");
    for name in ["EVENKEEL_URL", "EVENKEEL_USERNAME", "EVENKEEL_PASSWORD"] {
        for line in ["pub a x", "sub a", "rr a x"] {
            let ran = evenkeel(line).env(name, broken).run().await.expect(2);
            ran.says(&format!("error: the environment variable {name} is not UTF-8\nwhy: "));
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_socket_is_given_by_any_path() {
    use crate::support::{Run, broker_with};

    let folder = folder();
    let broker = broker_with(|builder| builder.bind_unix(folder.join("br.sock"))).await;
    for path in ["br.sock", "./br.sock", "../br.sock"] {
        let inside = if path.starts_with("..") { folder.join("inside") } else { folder.clone() };
        std::fs::create_dir_all(&inside).unwrap();
        let run: Run = evenkeel("pub a x -q 1 --unix").args([path]).within(&inside);
        run.run().await.expect(0);
    }
    drop(broker);
}

/// On Linux a name may be in no folder.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_socket_may_have_an_abstract_name() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener};

    let name = format!("evenkeel-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    let running = evenkeel(&format!("pub a x --unix @{name} -W 20")).start();
    let (mut stream, _) =
        tokio::task::spawn_blocking(move || listener.accept().unwrap()).await.unwrap();
    let mut first = [0; 1];
    std::io::Read::read_exact(&mut stream, &mut first).unwrap();
    assert_eq!(first, [0x10], "CONNECT");
    running.signal("INT").await;
    running.ended().await.expect(20);
    let ran = evenkeel("pub a x --unix @no-such-name -W 0.1").run().await.expect(4);
    ran.says("cannot open unix socket @no-such-name: ");
}
