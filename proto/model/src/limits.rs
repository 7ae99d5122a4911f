//! Every limit of Muster, with its unit and its reason. The documents print this table.
//!
//! Neighbours: all rooms read their limits here and nowhere else.

/// A limit, as the documents show it.
#[derive(Debug)]
pub struct Limit {
    /// Its name in this module.
    pub name: &'static str,
    /// Its value, in the unit that ends the name.
    pub value: u64,
    /// Why it is what it is.
    pub reason: &'static str,
}

macro_rules! limits {
    ($($name:ident = $value:expr, $reason:literal;)*) => {
        $(#[doc = $reason] pub const $name: u64 = $value;)*
        /// Every limit, in the order in which the documents print them.
        pub const LIMITS: &[Limit] = &[$(Limit { name: stringify!($name), value: $name, reason: $reason }),*];
    };
}

limits! {
    DOCUMENT_SIZE_BYTES = 1024 * 1024, "a document of the guide's size has 10 KiB; a hundred times that is a mistake";
    PUSH_SIZE_BYTES = 16 * 1024 * 1024, "what one push may hold, so that a wrong folder is refused before it is read whole";
    PUSH_FILES = 2_000, "a thousand sites with their clients fit; a wrong folder does not";
    DOCUMENT_DEPTH = 32, "nesting of a document; deeper ones come from a generator gone wrong";
    DOCUMENT_NODES = 100_000, "parsed YAML nodes of one document, counted as aliases are expanded";
    DOCUMENT_ERRORS = 100, "mistakes listed of one document; more are mostly the same one, and nobody reads them";
    PUSH_ERRORS = 1_000, "mistakes listed of one push, so that the answer fits a message and a screen's memory";
    VALUE_SIZE_BYTES = 256 * 1024, "a settled value; expressions that double a text are stopped here";
    MANIFEST_SIZE_BYTES = 8 * 1024 * 1024, "the settled values of one server, so that its manifest fits one message";
    WANTED_GIB = 65_536, "disk or memory that a preflight may ask for; more is a slip of a hand";
    EXPRESSION_CHARACTERS = 1_000, "the length of one expression; a longer one wants a parameter of its own";
    EXPRESSION_FUEL = 10_000, "steps of one expression; one that names parameters needs tens";
    MESSAGE_SIZE_BYTES = 20 * 1024 * 1024, "the largest gRPC message, one push and its frame";
    HANDSHAKE_MS = 5_000, "a TLS handshake that takes longer is an attack or a broken link";
    HANDSHAKES = 256, "TLS handshakes that go on at once: a thousand agents that come back are served within a second, and strangers cannot hold more";
    STRANGER_MS = 30_000, "how long a connection without a certificate lives: an enrolment takes a second";
    ENROLLMENT_SIZE_BYTES = 64 * 1024, "a token and a signing request have 2 KiB; a stranger may not make the controller hold more";
    STRANGERS = 128, "connections without a certificate that are open at once; enrolments come one by one, and strangers may not use up the file handles";
    STREAMS = 32, "calls that are open at once on one connection: an agent has one, an operator's program a few";
    HEADER_SIZE_BYTES = 16 * 1024, "the headers of one call; Muster's own have 1 KiB";
    DRAIN_MS = 10_000, "how long a controller that stops waits for calls to end before it cuts them";
    AUTHORITY_LIFETIME_MS = 20 * 365 * 24 * 3_600 * 1_000, "the authority outlives the servers that trust it; it is never renewed in place";
    CONTROLLER_CERTIFICATE_MS = 365 * 24 * 3_600 * 1_000, "renewed at a start once less than a third is left";
    OPERATOR_CERTIFICATE_MS = 365 * 24 * 3_600 * 1_000, "an operator asks for a new profile once a year";
    AGENT_CERTIFICATE_MS = 90 * 24 * 3_600 * 1_000, "a stolen key of a server is worth a season at most";
    CERTIFICATE_BACKDATE_MS = 24 * 3_600 * 1_000, "a certificate is valid from the day before, so that a server whose clock is behind can connect and be told so";
    CLOCK_OFFSET_MS = 120_000, "an agent that is off by more cannot judge an expiry, and starts nothing";
    PLAN_VALIDITY_MS = 7 * 24 * 3_600 * 1_000, "a plan that is older than a week no longer says what the server is";
    TOKEN_LIFETIME_MS = 7 * 24 * 3_600 * 1_000, "an invitation travels by ticket and is used within days";
    OBSERVE_MS = 120_000, "how long a plan waits for a server's comparison";
    KEEPALIVE_INTERVAL_MS = 20_000, "a dead link is found within half a minute";
    KEEPALIVE_TIMEOUT_MS = 10_000, "an answer to a ping that takes longer is no answer";
    RECONNECT_FIRST_MS = 250, "the first wait of an agent that lost its controller";
    RECONNECT_SPREAD_MS = 30_000, "agents of a restarted controller come back spread over this at most, not at once";
    RECONNECT_SPREAD_LEAST_MS = 2_000, "the spread of a small fleet: an agent that tries more often only fills a log";
    RECONNECT_SERVER_MS = 5, "the spread's share of each enrolled server; 9,500 connections took 12 s on two cores, four times less";
    AGENT_LOG_SIZE_BYTES = 16 * 1024 * 1024, "the log of an agent that is a service, and that of the one before: months of a quiet server";
    PROGRESS_KEPT = 256, "what agents say of steps under way, kept for a watcher who reads slowly; older words are stale anyway";
    PROGRESS_MS = 10_000, "how often an agent says that a long step is still under way";
    WATCH_LOST_MS = 600_000, "how long a watch looks for a controller that went away; a restart takes a minute";
    WATCH_RETRY_MS = 1_000, "the wait between two tries of a watch; a person is looking";
    WELCOME_MS = 60_000, "how long an agent waits for a welcome; a controller that all agents come back to takes its time";
    SERVICE_TIME_LIMIT_SECONDS = 120, "how long a service may take to its state where its node gives no limit; Windows itself gives 30";
    SERVICE_SETTLE_SECONDS = 2, "how long a service must stay in its state to count where its node does not say (G13)";
    SERVICE_GONE_MS = 5_000, "how long the services of an old version may stay listed after its uninstallation before the new one is installed over them";
    SERVICE_POLL_MS = 200, "how often a service on its way is looked at";
    INSTALLER_TIME_LIMIT_SECONDS = 3_600, "how long an installer may take where its node gives no limit; then it is unknown and goes on";
    REBOOT_TIME_LIMIT_SECONDS = 600, "how long Windows may take to go down where its node gives no limit; updates are finished on the way";
    PROBE_TIME_LIMIT_SECONDS = 60, "how long a probe is repeated where its node gives no limit; a cold IIS site needs half of it";
    IIS_COMMIT_TRIES = 30, "how often a change of IIS's configuration is tried while other programs write it; WiX does as many";
    IIS_COMMIT_PAUSE_MS = 200, "the wait after the first such try; it grows by as much with each";
    IIS_COMMIT_PAUSE_MAX_MS = 2_000, "the longest wait between two such tries";
    IIS_STATE_LIMIT_MS = 60_000, "how long IIS may take to start or stop a pool or site, or to say its state";
    IIS_LOOK_LIMIT_MS = 5_000, "how long a look waits for IIS to say whether a site runs: where the service is down it never does, and a plan looks at many sites";
    IIS_POLL_MS = 200, "how often a pool or site on its way is looked at";
    PROBE_POLL_MS = 1_000, "the wait between two tries of a probe";
    RENEWAL_LOOK_MS = 6 * 3_600 * 1_000, "how often an agent looks whether its certificate ends soon: it has a month to renew it in";
    MEMORY_PLANS = 200, "plans of which an agent tells a restored controller; a site has a few dozen in a year";
    RECOVERY_STEP = 1_000, "a restored controller goes on at the next full thousand of plans, revisions and epochs: whatever was lost stays below";
    END_DATE_SHOWN_DAYS = 60, "a licence that ends within two months is shown among all sites: a renewal takes weeks";
    STATUS_EVENTS_PAGE = 1_000, "events are read in pages of this many, so that a watch of a million stays small";
    INSTALLER_BUSY_PAUSE_MS = 2_000, "the wait before an installer is started anew that said that another one is in progress";
    INSTALLER_POLL_MS = 25, "how often a running installer is looked at; far below what a person notices";
    SQL_CONNECT_LIMIT_SECONDS = 30, "how long a connection to SQL Server and the log-on there may take; a batch takes what it takes";
    SQL_PIPE_PAUSE_MS = 200, "the wait before a named pipe of SQL Server that was still in use is asked for anew; Windows itself was waited for before it";
    SCRIPT_BATCH_BYTES = 33_554_432, "one batch of a script, and one line: both are in memory whole, and SQL Server reads a batch as a whole too";
    SCRIPT_INCLUDES = 500, "files that one script may list to be taken in: each is held open from its hash to the script's end";
    SCRIPT_NESTING = 16, "files that a script takes in within each other; each has a piece of 64 KiB in memory";
    SCRIPT_INCLUSIONS = 10_000, "how often one script takes files in, all together: a few files that take each other in twice would otherwise be read for years";
    SQL_BACKUP_TIME_LIMIT_SECONDS = 14_400, "how long a backup and its reading back may take where their node gives no limit; a database of a few hundred GB needs an hour or two";
    SQL_PROGRESS_MS = 2_000, "how often a long statement's progress is asked for; a percent of a large backup lasts longer";
    AUTHORITY_SIZE_BYTES = 64 * 1024, "an authority's certificates in a document: one has 2 KiB, and a domain has few";
    TLS_FLIGHT_SIZE_BYTES = 256 * 1024, "what a SQL Server may say in one turn of a handshake: its certificates have a few KiB";
    SQL_LOGIN_CHARACTERS = 128, "the longest name that SQL Server knows (sysname)";
    SECRET_CHARACTERS = 1_024, "no log-on, licence or code that people type is longer; a file is no secret";
    SECURITY_CODE_CHARACTERS = 10, "the least that the vendor takes of a code that is not `default` (G8)";
    SEALED_SIZE_BYTES = 64 * 1024, "the longest value sealed to a few hundred recipients";
    INSPECT_FILE_SIZE_BYTES = 4 * 1024 * 1024 * 1024, "an installer that is looked into: Windows runs no program and Windows Installer opens no package that is larger";
    INSPECT_SUMMARY_SIZE_BYTES = 64 * 1024, "the summary of a package: those that were looked at have less than 1 KiB";
    INSPECT_TABLE_SIZE_BYTES = 8 * 1024 * 1024, "one table of a package: 65,536 rows of 32 columns, the most that there are, of four bytes each";
    INSPECT_STRINGS_SIZE_BYTES = 32 * 1024 * 1024, "all texts of a package together: that of the Visual C++ runtime has 300 KB, and a hundred times that is a mistake";
    INSPECT_STRING_SIZE_BYTES = 2 * 1024 * 1024, "one text of a package; a licence with pictures fits, and a length that a damaged file made up does not";
    INSPECT_ROWS = 10_000, "rows taken of one table of a package; nobody chooses among more features or fields";
    INSPECT_CELL_CHARACTERS = 1_000, "the length at which a text of a package is cut where it is shown; a licence is a field's text, too";
    INSPECT_PACKAGES = 64, "packages tried in one program; more are no packages but bytes that look alike";
    MEDIUM_SIZE_BYTES = 64 * 1024 * 1024 * 1024, "the largest medium; SQL Server's own has a few GiB";
    MEDIUM_CHUNK_BYTES = 512 * 1024, "the piece in which a medium travels to the shelf, and in which an agent flushes one to its disk: what a killed program costs";
    MEDIUM_PIECE_BYTES = 64 * 1024, "the piece in which a medium travels to an agent: each is compared with its digest, and a broken link costs one at most";
    MEDIA_RESERVE_BYTES = 1024 * 1024 * 1024, "room that media leave free on a disk, so that journals and databases can be written";
    MEDIA_PARTS_MS = 7 * 24 * 3_600 * 1_000, "how long half a medium waits for its rest before its room is given to another";
    STAGE_ABSENT_MS = 60_000, "how long one who watches a staging waits for an agent whose link broke; without a watcher it waits for ever";
    MEDIA_RETRY_FIRST_MS = 50, "the wait before a broken link is dialled again that a medium had got on over; a link that drops and comes back costs no more";
    MEDIA_RETRY_MOST_MS = 5_000, "what that wait doubles up to while nothing gets through, so that a controller that is down is not hammered";
    MEDIA_LOST_MS = 600_000, "how long a medium on its way waits for a link that is gone; a restart takes a minute";
    WRITER_BATCH = 1_000, "writes that share one transaction, so that one fsync serves many agents";
}
