//! Enhanced authentication by SCRAM-SHA-256, at a server that knows it, such as
//! HiveMQ or EMQX:
//!
//! ```sh
//! cargo run --example scram -- mqtts://broker.example boat secret
//! ```

mod authenticator;

use std::time::Duration;

use authenticator::Scram;
use evenkeel::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or_else(|| format!("{what} is missing"));
    let (url, user, password) = (next("the URL")?, next("the user")?, next("the password")?);
    let client = Client::builder(url).authenticator(Scram::new(&user, &password)?).start()?;
    // Not before the server has proven that it knows the password, too.
    client.online().await?;
    println!("authenticated, both ways");
    client.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
