use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use zbus::{
    Connection, fdo::DBusProxy, names::BusName, proxy::CacheProperties, zvariant::OwnedObjectPath,
};

use crate::{
    Banners, Tray, Window,
    desktop::{
        appearance::{self, Appearance},
        browser,
        children::{Children, command},
        report::{Report, processes},
    },
    until,
};

/// A desktop of its own: private directories, a virtual display, a session bus, dunst as the
/// notification service, an unlocked GNOME Keyring, and a tray host.
#[derive(Debug)]
pub struct Lab {
    env: BTreeMap<String, String>,
    bus: Connection,
    /// What the notification service shows.
    pub banners: Banners,
    /// What the tray shows.
    pub tray: Tray,
    output: PathBuf,
    /// The process id of what tells programs the desktop's settings.
    settings: u32,
    // Told while the programs are still there.
    _report: Report,
    // Last, so that they end after the connections and before the directory goes.
    children: Children,
    home: TempDir,
}

/// A service that a desktop can lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// The Secret Service.
    Keyring,
    /// The notification service.
    Notifications,
}

/// dunst asks this program which action of which notification is wanted, as it would a menu.
const CHOOSE: &str = "#!/bin/sh
cd \"$XDG_RUNTIME_DIR\" && mv choice taken && grep -F -m1 \"$(cat taken)\"
";

const DUNSTRC: &str = "[global]
    monitor = 0
    origin = top-right
    offset = 12x12
    width = 380
    height = 300
    font = DejaVu Sans 9
    format = \"<b>%s</b>\\n%b\"
    markup = full
    idle_threshold = 0
    show_age_threshold = -1
    show_indicators = no
    dmenu = CHOOSE
[urgency_low]
    timeout = 0
[urgency_normal]
    timeout = 0
[urgency_critical]
    timeout = 0
";

const BUS: &str = "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
    \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">
<busconfig><type>session</type><listen>unix:dir=RUNTIME</listen><auth>EXTERNAL</auth>
<policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/>
<allow own=\"*\"/></policy></busconfig>";

impl Lab {
    /// Starts everything; pictures and logs go below `target/test-output/` under this name.
    pub async fn start(name: &str) -> Result<Self> {
        Self::start_without(name, None).await
    }

    /// The same, without one of its services.
    pub async fn start_without(name: &str, lack: impl Into<Option<Lack>>) -> Result<Self> {
        let lack = lack.into();
        let output = target()?.join("test-output").join(name);
        fs::create_dir_all(&output)?;
        let home = tempfile::Builder::new().prefix("entente-lab-").tempdir()?;
        let mut env = environment(home.path())?;
        let mut children = Children::default();

        let display = start_display(&mut children, &env, &output).await?;
        env.insert("DISPLAY".into(), display);
        let address = start_bus(&mut children, &env, &output, home.path()).await?;
        env.insert("DBUS_SESSION_BUS_ADDRESS".into(), address.clone());
        // Nothing of the machine's own.
        env.insert("DBUS_SYSTEM_BUS_ADDRESS".into(), address.clone());
        let bus = zbus::connection::Builder::address(address.as_str())?.build().await?;

        // They must be there before the program is, which asks for them at its start.
        let tray = Tray::start(&address).await?;
        let banners = Banners::start(&address).await?;
        if lack != Some(Lack::Notifications) {
            start_notifications(&mut children, &env, &output)?;
        }
        if lack != Some(Lack::Keyring) {
            start_keyring(&mut children, &env).await?;
        }
        let settings = appearance::start(&mut children, &env, &output)?;
        let report = Report::new(home.path(), &output);
        let lab =
            Self { env, bus, banners, tray, output, settings, _report: report, children, home };
        if lack != Some(Lack::Notifications) {
            lab.wait_for_name("org.freedesktop.Notifications").await?;
        }
        if lack != Some(Lack::Keyring) {
            lab.wait_for_name("org.freedesktop.secrets").await?;
        }
        Ok(lab)
    }

    /// Where a program of the lab can keep its data.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A variable of the environment that its programs have.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str)
    }

    /// Gives the programs that are started from now on a variable more.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.env.insert(name.into(), value.into());
    }

    /// Where its pictures and logs are.
    #[must_use]
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// Starts a program with the lab's environment.
    pub fn spawn(&mut self, program: &Path, arguments: &[&str], log: &str) -> Result<u32> {
        let mut run = command(program, &self.env);
        run.args(arguments);
        let log = self.output.join(log);
        let child = self.children.start(run, &log)?;
        child.id().context("it ended at once")
    }

    /// Runs a program to its end and gives what it prints.
    pub async fn ask(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let output = command(program, &self.env).args(arguments).output().await?;
        if !output.status.success() {
            bail!("{program} failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Starts a program under WebDriver: its window can be read and pressed.
    pub async fn open_window(&mut self, program: &Path, arguments: &[&str]) -> Result<Window> {
        let log = self.output.join("webdriver.log");
        Window::open(&mut self.children, &self.env, program, arguments, &log).await
    }

    /// Presses a button of the notification with this title, through the notification service.
    pub async fn press(&self, title: &str, button: &str) -> Result<()> {
        let choice = format!("#{button} ({title})");
        let path = Path::new(&self.env["XDG_RUNTIME_DIR"]).join("choice");
        let before = self.banners.pressed();
        fs::write(&path, choice)?;
        until(&format!("{button:?} of {title:?} to be pressed"), async || {
            // dunst passes over who asks while it still closes the menu before.
            if path.exists() {
                self.ask("dunstctl", &["context"]).await?;
            }
            Ok((self.banners.pressed() > before).then_some(()))
        })
        .await
    }

    /// Makes the desktop light or dark.
    pub async fn appear(&self, appearance: Appearance) -> Result<()> {
        appearance.write(Path::new(&self.env["XDG_CONFIG_HOME"]))?;
        self.ask("sh", &["-c", &format!("kill -HUP {}", self.settings)]).await.map(drop)
    }

    /// The addresses that programs opened in the system's browser, in order.
    pub fn opened(&self) -> Result<Vec<String>> {
        browser::opened(Path::new(&self.env["XDG_RUNTIME_DIR"]))
    }

    /// What is on the clipboard as text; nothing, if nothing is.
    pub async fn clipboard(&self) -> Option<String> {
        self.ask("xclip", &["-selection", "clipboard", "-out"]).await.ok()
    }

    /// As what programs can read the clipboard.
    pub async fn clipboard_kinds(&self) -> Result<String> {
        self.ask("xclip", &["-selection", "clipboard", "-out", "-target", "TARGETS"]).await
    }

    /// The person's home directory, where programs put what is downloaded.
    #[must_use]
    pub fn downloads(&self) -> PathBuf {
        self.env["HOME"].clone().into()
    }

    /// Locks the keyring, as a desktop does when its person leaves (Secret Service API, `Lock`).
    pub async fn lock_keyring(&self) -> Result<()> {
        let service = zbus::Proxy::new(
            &self.bus,
            "org.freedesktop.secrets",
            "/org/freedesktop/secrets",
            "org.freedesktop.Secret.Service",
        )
        .await?;
        let keyring: OwnedObjectPath = service.call("ReadAlias", &("default",)).await?;
        let collection = zbus::proxy::Builder::<zbus::Proxy<'_>>::new(&self.bus)
            .destination("org.freedesktop.secrets")?
            .path(&keyring)?
            .interface("org.freedesktop.Secret.Collection")?
            .cache_properties(CacheProperties::No)
            .build()
            .await?;
        until("the keyring to be locked", async || {
            let _: (Vec<OwnedObjectPath>, OwnedObjectPath) =
                service.call("Lock", &(vec![&keyring],)).await?;
            Ok(collection.get_property::<bool>("Locked").await?.then_some(()))
        })
        .await
    }

    /// A connection that stands in for a service of the system's bus, which is the lab's own bus.
    pub async fn stand_in(&self, name: &'static str) -> Result<Connection> {
        let address = self.env["DBUS_SYSTEM_BUS_ADDRESS"].as_str();
        Ok(zbus::connection::Builder::address(address)?.name(name)?.build().await?)
    }

    /// The number of the process that runs a program in this lab.
    pub async fn process(&self, program: &Path) -> Result<String> {
        let runs =
            |process: &PathBuf| fs::read_link(process.join("exe")).is_ok_and(|exe| exe == program);
        until("the program's process", async || {
            let process = processes(self.home.path()).find(runs);
            let id = process.as_deref().and_then(Path::file_name);
            Ok(id.map(|id| id.to_string_lossy().into_owned()))
        })
        .await
    }

    /// Keeps a picture of the whole display.
    pub async fn picture(&self, name: &str) -> Result<PathBuf> {
        let path = self.output.join(format!("{name}.png"));
        let text = path.to_string_lossy().into_owned();
        self.ask("import", &["-window", "root", &text]).await?;
        Ok(path)
    }

    /// Keeps a picture of the display's corner of this size, once nothing moves in it.
    pub async fn picture_of(&self, (width, height): (u32, u32), path: &Path) -> Result<()> {
        let raw = self.home.path().join("picture.ppm");
        let (part, raw_text) = (format!("{width}x{height}+0+0"), raw.to_string_lossy());
        let mut before = Vec::new();
        until("a picture in which nothing moves", async || {
            self.ask("import", &["-window", "root", "-crop", &part, &raw_text]).await?;
            let now = fs::read(&raw)?;
            let is_still = now == before;
            before = now;
            Ok(is_still.then_some(()))
        })
        .await?;
        self.ask("convert", &[&raw_text, "-strip", &path.to_string_lossy()]).await.map(drop)
    }

    async fn wait_for_name(&self, name: &'static str) -> Result<()> {
        let bus = DBusProxy::new(&self.bus).await?;
        until(name, async || Ok(bus.name_has_owner(BusName::try_from(name)?).await?.then_some(())))
            .await
    }
}

/// The folder that the test itself was built into.
fn target() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let target = test.ancestors().nth(3).context("a test is in target/PROFILE/deps")?;
    Ok(target.to_owned())
}

fn environment(home: &Path) -> Result<BTreeMap<String, String>> {
    let mut env = BTreeMap::new();
    for name in ["PATH", "SSL_CERT_FILE"] {
        if let Ok(value) = std::env::var(name) {
            env.insert(name.to_owned(), value);
        }
    }
    // The program speaks as its desktop does.
    env.insert("LANG".into(), "C.UTF-8".into());
    let mut put = |name: &str, folder: &str| -> Result<PathBuf> {
        let path = home.join(folder);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        env.insert(name.to_owned(), path.to_string_lossy().into_owned());
        Ok(path)
    };
    put("HOME", "home")?;
    put("XDG_DATA_HOME", "home/data")?;
    put("XDG_CACHE_HOME", "home/cache")?;
    put("XDG_STATE_HOME", "home/state")?;
    let runtime = put("XDG_RUNTIME_DIR", "run")?;
    let config = put("XDG_CONFIG_HOME", "home/config")?;
    let choose = runtime.join("choose");
    fs::write(&choose, CHOOSE)?;
    fs::set_permissions(&choose, fs::Permissions::from_mode(0o700))?;
    fs::create_dir_all(config.join("dunst"))?;
    let dunstrc = DUNSTRC.replace("CHOOSE", &choose.to_string_lossy());
    fs::write(config.join("dunst/dunstrc"), dunstrc)?;
    let programs = home.join("programs");
    browser::install(&programs)?;
    let path = env.get("PATH").map_or("/usr/bin:/bin", String::as_str);
    env.insert("PATH".into(), format!("{}:{path}", programs.display()));
    for (name, value) in [
        ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
        ("NO_AT_BRIDGE", "1"),
        ("GTK_A11Y", "none"),
        ("RUST_BACKTRACE", "1"),
        ("TZ", "UTC"),
    ] {
        env.insert(name.into(), value.into());
    }
    Ok(env)
}

/// Xvfb chooses a free display and says which.
async fn start_display(
    children: &mut Children,
    env: &BTreeMap<String, String>,
    output: &Path,
) -> Result<String> {
    let mut xvfb = command("Xvfb", env);
    xvfb.args(["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp", "-noreset"]);
    xvfb.stdout(Stdio::piped()).stderr(fs::File::create(output.join("display.log"))?);
    let mut xvfb = xvfb.spawn().context("Xvfb could not be started")?;
    let number = first_line(&mut xvfb).await.context("Xvfb ended before it had a display")?;
    children.keep(xvfb);
    Ok(format!(":{number}"))
}

/// A bus without service files: nothing is there that the lab did not start.
async fn start_bus(
    children: &mut Children,
    env: &BTreeMap<String, String>,
    output: &Path,
    home: &Path,
) -> Result<String> {
    let config = home.join("bus.conf");
    fs::write(&config, BUS.replace("RUNTIME", &env["XDG_RUNTIME_DIR"]))?;
    let mut bus = command("dbus-daemon", env);
    bus.args(["--nofork", "--print-address=1"]).arg("--config-file").arg(&config);
    bus.stdout(Stdio::piped()).stderr(fs::File::create(output.join("bus.log"))?);
    let mut bus = bus.spawn().context("dbus-daemon could not be started")?;
    let address = first_line(&mut bus).await.context("the bus has no address")?;
    children.keep(bus);
    Ok(address)
}

fn start_notifications(
    children: &mut Children,
    env: &BTreeMap<String, String>,
    output: &Path,
) -> Result<()> {
    children.start(command("dunst", env), &output.join("dunst.log"))?;
    Ok(())
}

async fn start_keyring(children: &mut Children, env: &BTreeMap<String, String>) -> Result<()> {
    let mut keyring = command("gnome-keyring-daemon", env);
    keyring.args(["--foreground", "--unlock", "--components=secrets"]);
    keyring.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut keyring = keyring.spawn().context("gnome-keyring-daemon could not be started")?;
    let mut password = keyring.stdin.take().context("it takes a password")?;
    password.write_all(b"lab").await?;
    drop(password);
    children.keep(keyring);
    Ok(())
}

async fn first_line(child: &mut tokio::process::Child) -> Option<String> {
    let mut lines = BufReader::new(child.stdout.take()?).lines();
    let line = lines.next_line().await.ok()??;
    // Whatever else it says is read away, so that it never waits for a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Some(line.trim().to_owned())
}
