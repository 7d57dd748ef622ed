//! Credentials that expire: the hook is asked before every attempt (R8).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use evenkeel::{Credentials, CredentialsError, Halt, ReasonCode, State};
use evenkeel_broker::{EventKind, Users};
use evenkeel_torture::{K, Scene, between, pass, scenarios, within};

scenarios![
    a_token_that_expires_is_replaced,
    a_hook_that_fails_is_asked_again,
    a_hook_that_hangs_is_cut_off,
    wrong_credentials_are_not_hammered,
];

async fn scene_with_token(token: &str) -> Scene {
    let mut users = Users::default();
    users.set("pump", token);
    Scene::with([], |config| config.access.users = Some(users)).await
}

fn expire(scene: &Scene, token: &str) {
    let mut users = Users::default();
    users.set("pump", token);
    scene.broker().configure(|config| config.access.users = Some(users));
    assert!(scene.broker().disconnect("pump", ReasonCode::NOT_AUTHORIZED));
}

async fn a_token_that_expires_is_replaced() {
    let scene = scene_with_token("token-1").await;
    let asked = Arc::new(AtomicU64::new(0));
    let count = asked.clone();
    let hook = move || {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        async move { Ok(Credentials::new("pump", format!("token-{number}"))) }
    };
    // Said on a live connection, "not authorised" is no refusal for good: the
    // next attempt comes after the usual back-off (R13), not in the slow lane.
    let client = scene.client("pump").credentials(hook).start().unwrap();
    within(2 * K, "online", client.online()).await.unwrap();
    for number in 2..=3 {
        expire(&scene, &format!("token-{number}"));
        let fits = move |event: &evenkeel_broker::Event| matches!(event.kind, EventKind::Connected { number: of, .. } if of == number);
        scene.event(4 * K, fits).await;
    }
    pass(K / 2).await;
    assert!(client.state().is_online());
    assert_eq!((scene.connects("pump"), asked.load(Ordering::Relaxed)), (3, 3));
    assert_eq!(scene.broker().stats().connects_refused, 0);
    scene.assert_laws();
}

async fn a_hook_that_fails_is_asked_again() {
    let scene = scene_with_token("token").await;
    let asked = Arc::new(AtomicU64::new(0));
    let count = asked.clone();
    let hook = move || {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        async move {
            match number {
                1 | 2 => Err(CredentialsError("the token service is down".to_owned())),
                _ => Ok(Credentials::new("pump", "token")),
            }
        }
    };
    let client = scene.client("pump").credentials(hook).start().unwrap();
    within(6 * K, "online", client.online()).await.unwrap();
    assert_eq!((scene.connects("pump"), asked.load(Ordering::Relaxed)), (1, 3));
    scene.assert_laws();
}

async fn a_hook_that_hangs_is_cut_off() {
    let scene = scene_with_token("token").await;
    let asked = Arc::new(AtomicU64::new(0));
    let count = asked.clone();
    let hook = move || {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        async move {
            if number == 1 {
                std::future::pending::<()>().await;
            }
            Ok(Credentials::new("pump", "token"))
        }
    };
    let builder = scene.client("pump").credentials(hook).connect_timeout(K);
    let client = builder.start().unwrap();
    within(6 * K, "online", client.online()).await.unwrap();
    assert_eq!((scene.connects("pump"), asked.load(Ordering::Relaxed)), (1, 2));
    scene.assert_laws();
}

async fn wrong_credentials_are_not_hammered() {
    let scene = scene_with_token("token").await;
    let builder = scene.client("pump").username("pump").password("wrong");
    let client = builder.start().unwrap();
    let error = within(2 * K, "an answer", client.online()).await.unwrap_err();
    assert!(!error.to_string().contains("wrong"), "{error}");
    pass(Duration::from_secs(5)).await;
    assert!(matches!(client.state(), State::Halted { reason: Halt::Refused, .. }));
    between("connects", scene.connects("pump"), 1..=1);
    scene.assert_laws();
}
