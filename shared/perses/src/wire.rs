//! Perses' documents as they are on the wire: what they say, and in whose words they are refused.

mod metadata;
mod proxy;
mod quoted;

pub use metadata::{BadName, BadTags, Name, Tags};
pub use proxy::{AllowedEndpoint, BadHttpProxy, BadProxy, HttpProxy, Proxy};
