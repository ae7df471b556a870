//! Whose call it is: tenant, PBX and linked id together name a call.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// A name that may stand in keys and labels: 1 to 64 of `a-z A-Z 0-9 _ - .`.
fn is_plain_name(s: &str) -> bool {
    (1..=64).contains(&s.len())
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// A name that is not plain.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a name: 1 to 64 letters, digits, '-', '_' or '.'")]
pub struct NotAName(String);

macro_rules! plain_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Where a message does not say whose it is.
            pub fn unknown() -> Self {
                Self("unknown".to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAName;
            fn try_from(s: String) -> Result<Self, NotAName> {
                if is_plain_name(&s) { Ok(Self(s)) } else { Err(NotAName(s)) }
            }
        }

        impl From<$name> for String {
            fn from(n: $name) -> String {
                n.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

plain_name! {
    /// One customer of this installation; nothing of one is ever shown to another.
    TenantId
}
plain_name! {
    /// One PBX of a tenant.
    PbxId
}

impl TenantId {
    /// The tenant of an installation that has one.
    pub fn default_tenant() -> TenantId {
        TenantId("default".to_owned())
    }
}

/// The namespace of our UUIDs (RFC 9562 version 5): the same call has the same
/// id in every store and after every redelivery.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d1c_2f0e_5a8b_5c3d_9e47_0b6a_1f2d_3c4e);

/// What names a call: all legs that share a linked id on one PBX.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CallKey {
    pub tenant: TenantId,
    pub pbx: PbxId,
    pub linkedid: String,
}

impl CallKey {
    /// The key of every topic: `tenant/pbx/linkedid`.
    pub fn message_key(&self) -> String {
        format!("{}/{}/{}", self.tenant, self.pbx, self.linkedid)
    }

    /// The call's id in the store.
    pub fn call_id(&self) -> String {
        Uuid::new_v5(&NAMESPACE, self.message_key().as_bytes()).to_string()
    }

    /// The id of the recording at `path` on this call's PBX.
    pub fn recording_id(&self, path: &str) -> String {
        let name = format!("{}/{}//{path}", self.tenant, self.pbx);
        Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_break_a_key_are_refused() {
        for bad in ["", "a/b", "a b", "ä", &"x".repeat(65)] {
            assert!(TenantId::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert!(PbxId::try_from("head-office.1".to_owned()).is_ok());
    }

    #[test]
    fn one_call_has_one_id() {
        let key = |l: &str| CallKey {
            tenant: TenantId::try_from("t".to_owned()).expect("a name"),
            pbx: PbxId::try_from("p".to_owned()).expect("a name"),
            linkedid: l.to_owned(),
        };
        assert_eq!(key("1.2").call_id(), key("1.2").call_id());
        assert_ne!(key("1.2").call_id(), key("1.3").call_id());
        assert_ne!(key("1.2").recording_id("a"), key("1.2").recording_id("b"));
    }
}
