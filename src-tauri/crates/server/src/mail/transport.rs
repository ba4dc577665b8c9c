use std::{fmt, fs, io, path::PathBuf, time::Duration};

use entente_store::ClaimedMail;
use lettre::{
    Address, Message,
    address::Envelope,
    message::{Mailbox, MultiPart, header},
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        commands,
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    },
};
use secrecy::ExposeSecret as _;
use thiserror::Error;
use tokio::time::timeout;

use crate::{MailTransport, SmtpConfig, SmtpTls};

/// Why mails cannot be sent as configured.
#[derive(Debug, Error)]
pub(crate) enum TransportError {
    #[error("the folder for mails cannot be made: {0}")]
    Folder(#[from] io::Error),
    #[error("the address that mails come from cannot be used: {0}")]
    From(#[from] lettre::address::AddressError),
    #[error("the certificates in {0} cannot be read: {1}")]
    Certificates(PathBuf, String),
    #[error("the SMTP server cannot be reached over TLS: {0}")]
    Tls(#[from] SmtpError),
}

/// Why a mail was not sent, in as far as it tells what to do next. The text can name addresses: it is
/// for the outbox, not for logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is no server that takes mails just now: none of this mail's doing.
    NoServer(String),
    /// The server did not take this mail, and may later.
    Later(String),
    /// The server will never take this mail.
    Never(String),
    /// The server was told all of it, and its answer was not heard.
    Unknown(String),
}

impl Failure {
    /// Before a mail was handed over in full: it was not accepted, whatever happened.
    fn of_command(error: &SmtpError) -> Self {
        let why = words(error);
        if error.is_permanent() {
            Self::Never(why)
        } else if error.is_transient() {
            Self::Later(why)
        } else {
            Self::NoServer(why)
        }
    }

    /// After it was.
    fn of_message(error: &SmtpError) -> Self {
        let why = words(error);
        if error.is_permanent() {
            Self::Never(why)
        } else if error.is_transient() {
            Self::Later(why)
        } else {
            Self::Unknown(why)
        }
    }
}

/// What happened, with what caused it.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words = format!("{words}: {cause_words}");
        }
        source = cause.source();
    }
    words
}

/// The way out for mails.
#[derive(Debug)]
pub(crate) enum Transport {
    Files(PathBuf),
    Smtp(Box<Smtp>),
}

impl Transport {
    pub(crate) fn new(config: &MailTransport) -> Result<Self, TransportError> {
        match config {
            MailTransport::Files(directory) => {
                fs::create_dir_all(directory)?;
                Ok(Self::Files(directory.clone()))
            }
            MailTransport::Smtp(smtp) => Ok(Self::Smtp(Box::new(Smtp::new(smtp)?))),
        }
    }

    /// How long sending a mail takes at most, and some more.
    pub(crate) fn longest(&self) -> Duration {
        match self {
            Self::Files(_) => SmtpConfig::PATIENCE,
            Self::Smtp(smtp) => smtp.patience * 3,
        }
    }

    /// Sends a mail; the id of its outbox row is its Message-ID, so a second send is known as such.
    pub(crate) async fn send(&mut self, mail: &ClaimedMail) -> Result<(), Failure> {
        match self {
            Self::Files(directory) => {
                let from = Address::new("entente", "localhost.localdomain")
                    .map_err(|error| Failure::Never(error.to_string()))?;
                let bytes = message(mail, from)?.formatted();
                // Written aside and renamed, so that a reader never sees half a mail.
                let path = directory.join(format!("{}.eml", mail.id));
                let partial = path.with_extension("partial");
                let written = async {
                    tokio::fs::write(&partial, bytes).await?;
                    tokio::fs::rename(&partial, &path).await
                };
                written.await.map_err(|error| Failure::NoServer(error.to_string()))
            }
            Self::Smtp(smtp) => smtp.send(mail).await,
        }
    }

    /// Lets go of the server until there is another mail.
    pub(crate) async fn rest(&mut self) {
        if let Self::Smtp(smtp) = self {
            smtp.hang_up().await;
        }
    }
}

/// An SMTP server (RFC 5321), and the connection to it while there are mails to send.
pub(crate) struct Smtp {
    host: String,
    port: u16,
    tls: SmtpTls,
    parameters: Option<TlsParameters>,
    login: Option<Credentials>,
    from: Address,
    patience: Duration,
    connection: Option<AsyncSmtpConnection>,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Smtp {
    fn new(config: &SmtpConfig) -> Result<Self, TransportError> {
        let parameters = match config.tls {
            SmtpTls::None => None,
            SmtpTls::StartTls | SmtpTls::Implicit => {
                let mut builder = TlsParameters::builder(config.host.clone());
                if let Some(path) = &config.ca_file {
                    builder = builder.add_root_certificate(authority(path)?);
                }
                Some(builder.build()?)
            }
        };
        let login = config.login.as_ref().map(|(user, password)| {
            Credentials::new(user.clone(), password.expose_secret().to_owned())
        });
        Ok(Self {
            host: config.host.clone(),
            port: config.port,
            tls: config.tls,
            parameters,
            login,
            from: config.from.parse()?,
            patience: config.patience,
            connection: None,
        })
    }

    async fn send(&mut self, mail: &ClaimedMail) -> Result<(), Failure> {
        let message = message(mail, self.from.clone())?;
        let envelope = message.envelope().clone();
        let bytes = message.formatted();
        let is_ascii = bytes.is_ascii();
        let before = self.connection.take();
        let was_open = before.is_some();
        let mut connection = match before {
            Some(connection) => connection,
            None => self.within(self.connect()).await?,
        };
        match self.within(announce(&mut connection, &envelope, is_ascii)).await {
            Ok(()) => {}
            // A server may have enough of a connection after some mails.
            Err(Failure::NoServer(_) | Failure::Later(_)) if was_open => {
                connection = self.within(self.connect()).await?;
                self.within(announce(&mut connection, &envelope, is_ascii)).await?;
            }
            Err(failure) => return Err(failure),
        }
        let taken = timeout(self.patience, connection.message(&bytes)).await;
        match taken {
            Ok(Ok(_)) => {
                self.connection = Some(connection);
                Ok(())
            }
            Ok(Err(error)) => Err(Failure::of_message(&error)),
            Err(_) => Err(Failure::Unknown("the SMTP server did not answer in time".into())),
        }
    }

    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let late = || Failure::NoServer("the SMTP server did not answer in time".into());
        timeout(self.patience, work).await.unwrap_or_else(|_| Err(late()))
    }

    /// Connects, protects the connection, and logs in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let no_server = |error: SmtpError| Failure::NoServer(words(&error));
        let hello = ClientId::Domain(self.from.domain().to_owned());
        let server = (self.host.as_str(), self.port);
        let at_once = self.parameters.clone().filter(|_| self.tls == SmtpTls::Implicit);
        let patience = Some(self.patience);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, patience, &hello, at_once, None)
                .await
                .map_err(no_server)?;
        if let Some(parameters) = self.parameters.clone().filter(|_| self.tls == SmtpTls::StartTls)
        {
            connection.starttls(parameters, &hello).await.map_err(no_server)?;
        }
        if let Some(login) = &self.login {
            connection.auth(DEFAULT_MECHANISMS, login).await.map_err(no_server)?;
        }
        Ok(connection)
    }

    async fn hang_up(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            let _ = timeout(self.patience, connection.quit()).await;
        }
    }
}

/// Says who writes to whom; done, the server waits for the mail.
async fn announce(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    is_ascii: bool,
) -> Result<(), Failure> {
    let server = connection.server_info();
    let mut parameters = Vec::new();
    let mut addresses = envelope.to().iter().chain(envelope.from());
    if addresses.any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
        // RFC 6531: such an address goes to a server that knows of them, or nowhere.
        if !server.supports_feature(Extension::SmtpUtfEight) {
            return Err(Failure::Never("the SMTP server does not know SMTPUTF8".into()));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !is_ascii && server.supports_feature(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let refused = |error: SmtpError| Failure::of_command(&error);
    let mail = commands::Mail::new(envelope.from().cloned(), parameters);
    connection.command(mail).await.map_err(refused)?;
    for to in envelope.to() {
        let recipient = commands::Rcpt::new(to.clone(), Vec::new());
        connection.command(recipient).await.map_err(refused)?;
    }
    connection.command(commands::Data).await.map_err(refused)?;
    Ok(())
}

fn authority(path: &PathBuf) -> Result<Certificate, TransportError> {
    let bad = |why: &dyn fmt::Display| TransportError::Certificates(path.clone(), why.to_string());
    let pem = fs::read(path).map_err(|error| bad(&error))?;
    Certificate::from_pem(&pem).map_err(|error| bad(&error))
}

fn message(mail: &ClaimedMail, from: Address) -> Result<Message, Failure> {
    let never = |why: &dyn fmt::Display| Failure::Never(format!("it cannot be written: {why}"));
    let to: Address = mail.mail.recipient.parse().map_err(|error| never(&error))?;
    let millis = u64::try_from(mail.created_at.unix_millis()).unwrap_or_default();
    Message::builder()
        .message_id(Some(format!("<{}@entente>", mail.id)))
        .date(std::time::UNIX_EPOCH + Duration::from_millis(millis))
        .from(Mailbox::new(None, from))
        .to(Mailbox::new(None, to))
        .subject(mail.mail.subject.clone())
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(
            mail.mail.text_body.clone(),
            mail.mail.html_body.clone(),
        ))
        .map_err(|error| never(&error))
}

/// No answering machine answers a mail that says so (RFC 3834).
#[derive(Debug, Clone, Copy)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".into())
    }
}
