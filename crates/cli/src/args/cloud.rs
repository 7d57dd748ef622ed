//! Ways in to clouds.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The flags of the ways in to AWS IoT Core and Azure IoT Hub.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Clouds")]
pub(crate) struct CloudFlags {
    /// --host is AWS IoT Core in this region, under a domain of your own; AWS's own hosts have
    /// theirs in the name [variables: AWS_REGION, AWS_DEFAULT_REGION]
    #[arg(long, value_name = "REGION")]
    pub(crate) aws_region: Option<String>,
    /// Connect by a WebSocket that AWS keys sign (Signature Version 4), anew for each attempt:
    /// those of AWS_ACCESS_KEY_ID and its like, else those of a profile
    #[arg(long)]
    pub(crate) aws_sign: bool,
    /// Profile of ~/.aws/credentials and ~/.aws/config whose keys, or credential_process, sign
    /// [variable: AWS_PROFILE]
    #[arg(long, value_name = "NAME")]
    pub(crate) aws_profile: Option<String>,
    /// Connect by this custom authorizer of AWS IoT Core; '' asks the endpoint's default one
    #[arg(long, value_name = "NAME")]
    pub(crate) authorizer: Option<String>,
    /// How the authorizer is asked [default: username]
    #[arg(long, value_name = "FORM")]
    pub(crate) authorizer_form: Option<AuthorizerWay>,
    /// Name under which the authorizer looks for its token (tokenKeyName)
    #[arg(long, value_name = "KEY")]
    pub(crate) authorizer_token_key: Option<String>,
    /// File whose first line is the token [variable: EVENKEEL_AUTHORIZER_TOKEN]
    #[arg(long, value_name = "FILE")]
    pub(crate) authorizer_token_file: Option<PathBuf>,
    /// File whose first line is the token's signature, in Base64 [variable:
    /// EVENKEEL_AUTHORIZER_SIGNATURE]
    #[arg(long, value_name = "FILE")]
    pub(crate) authorizer_signature_file: Option<PathBuf>,
    /// Connect to Azure IoT Hub as the device --id: file whose first line is its key
    /// (SharedAccessKey), by which a password is signed anew for each attempt
    #[arg(long, value_name = "FILE")]
    pub(crate) azure_device_key_file: Option<PathBuf>,
}

/// The long names of these flags, which mosquitto's tools do not have.
pub(crate) const NAMES: [&str; 9] = [
    "aws_region",
    "aws_sign",
    "aws_profile",
    "authorizer",
    "authorizer_form",
    "authorizer_token_key",
    "authorizer_token_file",
    "authorizer_signature_file",
    "azure_device_key_file",
];

/// How a custom authorizer is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuthorizerWay {
    /// In the user name of MQTT over TLS.
    Username,
    /// In headers of the WebSocket request.
    Headers,
    /// In the query of the WebSocket request.
    Query,
}

impl CloudFlags {
    /// The first of these flags that is given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let Self {
            aws_region,
            aws_sign,
            aws_profile,
            authorizer,
            authorizer_form,
            authorizer_token_key,
            authorizer_token_file,
            authorizer_signature_file,
            azure_device_key_file,
        } = self;
        [
            ("--aws-region", aws_region.is_some()),
            ("--aws-sign", *aws_sign),
            ("--aws-profile", aws_profile.is_some()),
            ("--authorizer", authorizer.is_some()),
            ("--authorizer-form", authorizer_form.is_some()),
            ("--authorizer-token-key", authorizer_token_key.is_some()),
            ("--authorizer-token-file", authorizer_token_file.is_some()),
            ("--authorizer-signature-file", authorizer_signature_file.is_some()),
            ("--azure-device-key-file", azure_device_key_file.is_some()),
        ]
        .into_iter()
        .find_map(|(name, given)| given.then_some(name))
    }
}
