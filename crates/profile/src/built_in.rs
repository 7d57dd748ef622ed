//! The names of the built-in profiles.

use crate::Profile;

/// Defines the list of the built-in profiles: name, maker and a word about it.
macro_rules! built_in {
    ($count:literal; $($name:literal $make:ident $about:literal;)*) => {
        /// Names of the built-in profiles, as [`Profile::built_in`] takes them.
        pub const BUILT_IN: [&str; $count] = [$($name),*];

        /// What the built-in profile of this name is of.
        pub fn about(name: &str) -> Option<&'static str> {
            match name {
                $($name => Some($about),)*
                _ => None,
            }
        }

        pub(crate) fn make(name: &str) -> Option<Profile> {
            match name {
                $($name => Some(crate::$make()),)*
                _ => None,
            }
        }
    };
}

built_in! {
    17;
    "standard" standard "what the specification allows";
    "aws-iot-core" aws_iot_core "AWS IoT Core";
    "aws-iot-core-vpc" aws_iot_core_vpc "AWS IoT Core, VPC endpoint";
    "azure-iot-hub" azure_iot_hub "Azure IoT Hub";
    "azure-event-grid" azure_event_grid "Azure Event Grid, MQTT broker";
    "emqx-serverless" emqx_serverless "EMQX Serverless";
    "tencent-iot-hub" tencent_iot_hub "Tencent IoT Hub, international";
    "tencent-iot-hub-cn" tencent_iot_hub_cn "Tencent IoT Hub in China";
    "huawei-iotda" huawei_iotda "Huawei Cloud IoT Device Access";
    "alibaba-iot-platform" alibaba_iot_platform "Alibaba Cloud IoT Platform";
    "alibaba-apsaramq" alibaba_apsaramq "Alibaba Cloud ApsaraMQ for MQTT";
    "baidu-iot-core" baidu_iot_core "Baidu AI Cloud IoT Core";
    "naver-iot-core" naver_iot_core "Naver Cloud IoT Core";
    "losant" losant "Losant";
    "adafruit-io" adafruit_io "Adafruit IO, free plan";
    "thingsboard-cloud" thingsboard_cloud "ThingsBoard Cloud";
    "google-like" google_like "Google and ClearBlade IoT Core";
}
