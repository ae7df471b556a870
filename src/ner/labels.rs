//! What a model's labels mean here. Places, firms and the like are no secrets
//! by themselves and mean nothing.

use crate::call::Reason;
use std::collections::BTreeMap;

/// The labels of the models in use, in capitals and without what joins words.
const KNOWN: &[(Reason, &[&str])] = &[
    (
        Reason::Name,
        &[
            "PER",
            "PERSON",
            "PATIENT",
            "NAME",
            "FULLNAME",
            "FIRSTNAME",
            "MIDDLENAME",
            "LASTNAME",
            "GIVENNAME",
            "SURNAME",
        ],
    ),
    (
        Reason::Address,
        &[
            "ADDRESS",
            "STREET",
            "STREETADDRESS",
            "BUILDINGNUM",
            "BUILDINGNUMBER",
            "SECONDARYADDRESS",
            "ZIP",
            "ZIPCODE",
            "POSTCODE",
            "POSTALCODE",
        ],
    ),
    (Reason::Email, &["EMAIL", "EMAILADDRESS"]),
    (Reason::CardNumber, &["CREDITCARD", "CREDITCARDNUMBER", "CARDNUMBER", "DEBITCARDNUMBER"]),
    (Reason::Cvv, &["CVV", "CREDITCARDCVV"]),
    (Reason::Dob, &["DOB", "DATEOFBIRTH", "BIRTHDATE"]),
    (Reason::Ssn, &["SSN", "SOCIALNUM", "SOCIALSECURITYNUMBER", "USSSN"]),
    (Reason::Password, &["PASSWORD", "PIN"]),
    (
        Reason::BankAccount,
        &["IBAN", "IBANCODE", "ACCOUNTNUM", "ACCOUNTNUMBER", "BANKACCOUNTNUMBER", "USBANKNUMBER"],
    ),
    (Reason::Phone, &["PHONE", "PHONENUMBER", "TELEPHONENUM"]),
    (
        Reason::IdNumber,
        &[
            "IDCARDNUM",
            "DRIVERLICENSENUM",
            "DRIVERLICENSE",
            "PASSPORTNUM",
            "PASSPORT",
            "TAXNUM",
            "VEHICLEVIN",
            "USDRIVERLICENSE",
            "USPASSPORT",
            "MEDICALRECORDNUMBER",
        ],
    ),
];

/// A label as a model writes it: where it begins a value, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    pub reason: Reason,
    /// `B-`: a new value even beside one of the same kind.
    pub begins: bool,
}

/// `B-PER`, `I-STREET_ADDRESS`, `GIVENNAME`; `own` are the operator's, which
/// come first. `None` for what is no secret.
pub fn meaning(label: &str, own: &BTreeMap<String, Reason>) -> Option<Meaning> {
    let tagged = ["B-", "I-", "E-", "S-", "L-", "U-"].iter().find_map(|t| label.strip_prefix(t));
    let name = tagged.unwrap_or(label);
    let begins = tagged.is_some() && matches!(label.as_bytes()[0], b'B' | b'S' | b'U');
    let own = own.iter().find(|(l, _)| l.eq_ignore_ascii_case(name)).map(|(_, reason)| *reason);
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase();
    let known = || KNOWN.iter().find(|(_, all)| all.contains(&plain.as_str())).map(|(reason, _)| *reason);
    own.or_else(known).map(|reason| Meaning { reason, begins })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(label: &str) -> Option<Reason> {
        meaning(label, &BTreeMap::new()).map(|m| m.reason)
    }

    #[test]
    fn labels_of_common_models_are_known_and_places_mean_nothing() {
        assert_eq!(reason("B-PER"), Some(Reason::Name));
        assert_eq!(reason("I-STREET_ADDRESS"), Some(Reason::Address));
        assert_eq!(reason("GIVENNAME"), Some(Reason::Name));
        for none in ["O", "B-LOC", "I-ORG", "B-MISC", "CITY", ""] {
            assert_eq!(reason(none), None, "{none}");
        }
    }

    #[test]
    fn an_operators_own_label_comes_first_and_only_b_begins_a_value() {
        let own = BTreeMap::from([("LOC".to_owned(), Reason::Address)]);
        assert_eq!(meaning("B-loc", &own), Some(Meaning { reason: Reason::Address, begins: true }));
        assert_eq!(meaning("I-LOC", &own), Some(Meaning { reason: Reason::Address, begins: false }));
    }
}
