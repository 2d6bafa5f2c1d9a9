use crate::tool::Folder;

const COMMANDS: [&str; 30] = [
    "",
    "adapter",
    "gen-key",
    "issue",
    "sign",
    "verify",
    "issuer",
    "issuer serve",
    "verifier",
    "verifier serve",
    "broker",
    "broker serve",
    "broker issue",
    "broker check-config",
    "bundle",
    "bundle build",
    "bundle diff",
    "bundle inspect",
    "bundle lint",
    "bundle merge-source",
    "bundle remove-source",
    "bundle revoke",
    "bundle rotate-key",
    "bundle sign",
    "bundle verify",
    "envoy",
    "envoy render",
    "schema",
    "up",
    "demo",
];

#[test]
fn the_tool_says_what_it_can_do() {
    assert_eq!(
        Folder::new().ok("-h"),
        "\
Proof-bound machine authorization: keys, passports, bundles, a local Envoy

Usage: trustplane [OPTIONS] <COMMAND>

Commands:
  gen-key   Make an Ed25519 key pair
  issue     Issue a passport
  sign      Sign a request: passport, transcript and proof
  verify    Verify a passport, or a whole request
  issuer    Serve as an issuer for development
  verifier  Serve as a verifier that is asked and admits nothing
  broker    Serve as the local broker, or ask one
  bundle    Build, sign, check and change bundles
  adapter   Serve as a reverse proxy that verifies before it forwards
  envoy     Configure Envoy
  schema    Print the JSON Schema of a document
  up        Start a local Envoy with the filter, an upstream and fresh keys
  demo      Run the acceptance matrix against a local Envoy
  help      Print this message or the help of the given subcommand(s)

Options:
      --output <FORMAT>  How results are written [default: text] [possible
                         values: json, text]
      --json             The same as --output json
  -h, --help             Print help
  -V, --version          Print version

Exit status: 0 allow or done, 1 deny or refused, 2 usage or input error.
"
    );
}

#[test]
fn help_fits_a_terminal_of_eighty_columns() {
    let folder = Folder::new();
    for command in COMMANDS {
        for flag in ["-h", "--help"] {
            for line in folder.ok(&format!("{command} {flag}")).lines() {
                assert!(line.chars().count() < 80, "{command}: {line}");
            }
        }
    }
}

#[test]
fn a_usage_error_ends_with_2_and_writes_no_result() {
    let folder = Folder::new();
    for (line, problem) in [
        ("", "Usage: trustplane [OPTIONS] <COMMAND>"),
        ("nothing", "error: unrecognized subcommand 'nothing'"),
        ("gen-key --out", "error: a value is required for '--out <FILE>' but none was supplied"),
        (
            "bundle verify --policy-bundle p --trust-material t --public-key x",
            "error: invalid value 'x' for '--public-key <KEY>': not unpadded base64url of 32 bytes",
        ),
        ("up --workers 0", "error: invalid value '0' for '--workers <COUNT>': 0 is not in 1..=256"),
    ] {
        let ran = folder.run(line);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line}");
        assert!(ran.err.contains(problem), "{line}: {}", ran.err);
    }
}

/// One key in 64 begins so.
#[test]
fn a_public_key_may_begin_with_a_hyphen() {
    let ran = Folder::new().run(&format!("bundle verify --policy-bundle p --public-key -{}", "A".repeat(42)));
    assert_eq!((ran.code, ran.err.as_str()), (2, "error: p: No such file or directory (os error 2)\n"));
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let folder = Folder::new();
    let mut child = folder
        .command("gen-key")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap().as_str()), (Some(0), ""));
}
