//! Characters that are hard to write in a script: `$Es`, `$En`, `$Eq`.

use engine::{RouteCx, Value, variable};

macro_rules! characters {
    ($($name:ident $written:literal $text:literal $doc:literal;)+) => {$(
        #[doc = $doc]
        #[variable($written)]
        pub fn $name(_cx: &RouteCx) -> Value {
            $text.into()
        }
    )+};
}

characters! {
    dollar "$" "$" "A dollar sign.";
    line_feed "En" "\n" "A line feed.";
    carriage_return "Er" "\r" "A carriage return.";
    tab "Et" "\t" "A tab.";
    space "Es" " " "A blank.";
    comma "Ec" "," "A comma.";
    double_quote "Eq" "\"" "A double quote.";
    single_quote "Ek" "'" "A single quote.";
    colon "Ei" ":" "A colon.";
    semicolon "Ej" ";" "A semicolon.";
    backslash "Eb" "\\" "A backslash.";
    backtick "Ev" "`" "A backtick.";
}
