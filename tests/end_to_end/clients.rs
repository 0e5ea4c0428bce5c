//! Clients that nobody here wrote, through the gateway: they connect, verify its certificate against the root that they are given, and read answers in
//! their own way. Each also refuses the gateway when it is given no root, so that a client that verifies nothing is not taken for one that agrees.
//!
//! A client that is not installed is skipped with a word, which is an error in continuous integration.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::family::{Family, PATIENCE, VARIABLE};
use crate::up::Up;

/// The host name that the gateway proves.
const HOST: &str = "shop.test";

/// Asks twice with the root, by `http.client` and by `urllib`, and once without.
const PYTHON: &str = r#"
import http.client, json, socket, ssl, sys, urllib.request

host, port, root = sys.argv[1:]
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda name, _, *rest, **named: resolve("127.0.0.1", port, *rest, **named)

trusting = ssl.create_default_context(cafile=root)
connection = http.client.HTTPSConnection(host, timeout=30, context=trusting)
connection.request("GET", "/")
by_client = json.load(connection.getresponse())
by_urllib = json.load(urllib.request.urlopen(f"https://{host}/", timeout=30, context=trusting))
try:
    urllib.request.urlopen(f"https://{host}/", timeout=30, context=ssl.create_default_context())
    refusal = None
except urllib.error.URLError as error:
    refusal = type(error.reason).__name__
print(json.dumps({"answers": [by_client, by_urllib], "refusal": refusal}))
"#;

/// Asks twice with the root, by `https` and by `http2`, and once without.
const NODE: &str = r#"
const fs = require('fs'), https = require('https'), http2 = require('http2');
const [host, port, root] = process.argv.slice(1);
const ca = fs.readFileSync(root);
const read = async (stream) => { let text = ''; for await (const part of stream) text += part; return JSON.parse(text); };
const get = (trust) => new Promise((answered, failed) => https
  .get({ host: '127.0.0.1', port, servername: host, headers: { host }, timeout: 30000, ...trust }, answered)
  .on('error', failed));
const get2 = () => new Promise((answered, failed) => {
  const session = http2.connect(`https://127.0.0.1:${port}`, { ca, servername: host }).on('error', failed);
  const stream = session.request({ ':authority': host }).setEncoding('utf8').on('error', failed);
  read(stream).then((answer) => { session.close(); answered(answer); }, failed);
});
(async () => {
  const answers = [await read(await get({ ca })), await get2()];
  const refusal = await get({}).then(() => null, (error) => error.code);
  console.log(JSON.stringify({ answers, refusal }));
})();
"#;

#[tokio::test]
async fn curl_speaks_both_versions_of_http() {
    let Some(curl) = Client::find("curl") else {
        return;
    };
    let up = Up::front_door().await;
    let connect_to = format!("{HOST}:443:127.0.0.1:{}", port(&up));
    let url = format!("https://{HOST}/");
    let root = up.root();
    let ask = async |more: &[&str]| {
        let common = [
            "-sS",
            "--max-time",
            "30",
            "--connect-to",
            &connect_to,
            "-w",
            "\n%{http_version}",
            &url,
        ];
        curl.run([&common[..], more].concat()).await
    };
    let root = root.to_str().expect("temporary directories have plain names");
    let has_http2 = curl.run(["--version"]).await.stdout.contains("HTTP2");
    let mut versions = vec![("--http1.1", "1.1")];
    match has_http2 {
        true => versions.push(("--http2", "2")),
        false => skip("this curl speaks no HTTP/2"),
    }
    for (option, version) in &versions {
        let seen = ask(&[option, "--cacert", root]).await;
        let (answer, spoken) = seen
            .good()
            .rsplit_once('\n')
            .expect("curl writes what it is told");
        assert_eq!(spoken, *version, "{seen:?}");
        assert_is_storefront(&json(answer));
        // The exit code for a certificate that cannot be verified.
        let refused = ask(&[option]).await;
        assert_eq!(refused.code, Some(60), "{refused:?}");
        assert!(refused.stderr.contains("certificate"), "{refused:?}");
    }
    assert_counted(up, versions.len(), versions.len()).await;
}

#[tokio::test]
async fn python_reads_answers_by_both_of_its_clients() {
    let Some(python) = Client::find("python3") else {
        return;
    };
    assert_script_is_served(&python, "-c", PYTHON, "SSLCertVerificationError").await;
}

#[tokio::test]
async fn node_reads_answers_by_both_of_its_clients() {
    let Some(node) = Client::find("node") else {
        return;
    };
    assert_script_is_served(&node, "-e", NODE, "UNABLE_TO_VERIFY_LEAF_SIGNATURE").await;
}

#[tokio::test]
async fn chromium_shows_the_page() {
    let (Some(chromium), Some(certutil)) = (Client::find("chromium"), Client::find("certutil")) else {
        return;
    };
    let up = Up::front_door().await;
    let page = load(&chromium, &up, tempfile::tempdir().expect("there is room").path()).await;
    assert!(
        page.code != Some(0) || !page.stdout.contains("storefront"),
        "a browser that does not know the root: {page:?}"
    );
    // The database where Chromium looks for roots that its user trusts.
    let home = tempfile::tempdir().expect("there is room");
    let database = home.path().join(".pki/nssdb");
    fs::create_dir_all(&database).expect("the home is empty");
    let root = up.root();
    let place = format!("sql:{}", database.display());
    let root = root.to_str().expect("temporary directories have plain names");
    certutil
        .run(["-N", "-d", &place, "--empty-password"])
        .await
        .good();
    certutil
        .run(["-A", "-d", &place, "-n", "the lab", "-t", "C,,", "-i", root])
        .await
        .good();
    let page = load(&chromium, &up, home.path()).await;
    let text = page.good();
    assert!(
        text.contains("<pre>{\"service\":\"storefront\"") && text.contains("\"service\":\"orders\""),
        "{page:?}"
    );
    let counts = up.counts().await;
    let answered = &counts["front-1"]["requests"]["gateway"]["2xx"];
    assert!(answered.as_u64() >= Some(1), "{counts:#}");
}

/// Whether a program is in PATH; what misses it is skipped otherwise.
#[track_caller]
pub(crate) fn is_installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|directory| directory.join(name).is_file());
    if !is_there {
        skip(&format!("{name} is not installed"));
    }
    is_there
}

/// Loads the page in a browser whose user has this home, and returns its DOM.
async fn load(chromium: &Client, up: &Up, home: &Path) -> Seen {
    let profile = format!("--user-data-dir={}", home.join("profile").display());
    let resolve = format!("--host-resolver-rules=MAP {HOST}:443 127.0.0.1:{}", port(up));
    let url = format!("https://{HOST}/");
    let mut command = chromium.command([
        "--headless",
        // A sandbox needs more of the machine than tests may count on; the page is our own.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        // Nothing but the page is to be fetched.
        "--disable-background-networking",
        "--disable-component-update",
        "--dump-dom",
        &profile,
        &resolve,
        &url,
    ]);
    for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
        command.env_remove(variable);
    }
    command.env("HOME", home);
    chromium.see(command).await
}

/// Runs a script that asks twice with the root and once without.
async fn assert_script_is_served(client: &Client, option: &str, script: &str, refusal: &str) {
    let up = Up::front_door().await;
    let (port, root) = (port(&up), up.root());
    let root = root.to_str().expect("temporary directories have plain names");
    let seen = client.run([option, script, HOST, &port, root]).await;
    let told = json(seen.good());
    let answers = told["answers"].as_array().expect("it is a list");
    assert_eq!(answers.len(), 2, "{told:#}");
    answers.iter().for_each(assert_is_storefront);
    assert_eq!(told["refusal"], refusal, "{told:#}");
    assert_counted(up, 2, 1).await;
}

/// Whether the answer came all the way: from the storefront, which has asked the orders.
#[track_caller]
fn assert_is_storefront(answer: &Value) {
    assert_eq!(answer["service"], "storefront", "{answer:#}");
    assert_eq!(answer["host"], HOST, "{answer:#}");
    assert_eq!(answer["calls"][0]["status"], 200, "{answer:#}");
}

/// Ends it all; the gateway must have counted so many requests, all answered, and so many clients that turned away.
async fn assert_counted(up: Up, answered: usize, refused: usize) {
    let counts = up.counts().await;
    let expected = serde_json::json!({
        "requests": { "gateway": { "2xx": answered } },
        "refused_handshakes": refused,
    });
    assert_eq!(counts["front-1"], expected, "{counts:#}");
}

/// Where the gateway listens for port 443.
fn port(up: &Up) -> String {
    let ports = up.announced["gateway"]["ports"].as_array().expect("it is a list");
    let https = ports
        .iter()
        .find(|port| port["port"] == 443)
        .expect("the rules have it");
    let address = https["address"].as_str().expect("it is a text");
    address.rsplit(':').next().unwrap_or_default().to_owned()
}

/// A program that somebody else wrote.
struct Client {
    name: &'static str,
    family: Family,
}

/// What it said.
#[derive(Debug)]
struct Seen {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Client {
    /// The one of that name, if it is installed.
    fn find(name: &'static str) -> Option<Self> {
        is_installed(name).then(|| Self {
            name,
            family: Family::new(),
        })
    }

    async fn run<Argument: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = Argument>) -> Seen {
        self.see(self.command(arguments)).await
    }

    fn command<Argument: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = Argument>) -> Command {
        let mut command = Command::new(self.name);
        command
            .args(arguments)
            .env(VARIABLE, self.family.name())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        // What the person who runs the tests has set up for themselves is not to be tried.
        for variable in [
            "https_proxy",
            "HTTPS_PROXY",
            "all_proxy",
            "ALL_PROXY",
            "CURL_HOME",
            "NODE_OPTIONS",
            "NODE_EXTRA_CA_CERTS",
            "SSL_CERT_FILE",
        ] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs it to its end, after which none of its processes is left.
    async fn see(&self, mut command: Command) -> Seen {
        let output = timeout(PATIENCE, command.output())
            .await
            .unwrap_or_else(|_| panic!("{} ends in time", self.name))
            .unwrap_or_else(|error| panic!("{} can be started: {error}", self.name));
        self.family.is_gone().await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Seen {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

impl Seen {
    /// What it printed, after it has ended well.
    #[track_caller]
    fn good(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:?}");
        &self.stdout
    }
}

/// Says why something is not tried; in continuous integration nothing may be missing.
#[track_caller]
fn skip(why: &str) {
    assert!(
        std::env::var_os("CI").is_none_or(|value| value != "true"),
        "{why}, and CI=true"
    );
    // Not captured, as the output of tests that succeed is.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
