//! Tables that FreePBX left behind over the years, and clocks that jump: each
//! read from a real MariaDB.

use crate::servers::mariadb::{MariaDb, USER};
use std::collections::BTreeSet;
use unsaid::call::{CdrRow, Zone, assemble};
use unsaid::config::pbx::FreepbxConfig;
use unsaid::source::CdrSource;
use unsaid::source::freepbx::{CalldateWindow, Followed, Trunks};

async fn start() -> MariaDb {
    tokio::task::spawn_blocking(|| MariaDb::start(true)).await.unwrap()
}

async fn rows(config: FreepbxConfig) -> Vec<CdrRow> {
    let mut source = CalldateWindow::new(config);
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let chunk = source.next(cursor.as_deref()).await.unwrap();
        source.acknowledge();
        rows.extend(chunk.rows);
        cursor = Some(chunk.cursor);
        if !chunk.more {
            rows.sort_by_key(CdrRow::identity);
            rows.dedup_by_key(|r| r.identity());
            return rows;
        }
    }
}

/// A table of another maker, whose column for recordings has another name.
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_named_by_another_column_where_there_is_no_recordingfile() {
    let db = start().await;
    db.sql(
        "USE asteriskcdrdb; CREATE TABLE other LIKE cdr; ALTER TABLE other CHANGE recordingfile filename varchar(255);
         INSERT INTO other (calldate, disposition, uniqueid, linkedid, sequence, filename, userfield) VALUES
         ('2024-05-14 10:00:00', 'ANSWERED', '1715680800.1', '1715680800.1', 1, 'a.wav', 'b.wav')",
    );
    for (setting, file) in [("", "a.wav"), ("recording_column = \"UserField\"", "b.wav")] {
        let settings = format!("table = \"other\"\nsince = \"2024-05-01\"\n{setting}");
        let rows = rows(db.source(&settings)).await;
        assert_eq!(rows.iter().map(|r| r.recordingfile.as_str()).collect::<Vec<_>>(), [file]);
    }
}

/// From before 2012: MyISAM, no recordingfile, no cnum, no linkedid, no sequence; another database and name.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_2011_under_another_name_is_read() {
    let db = start().await;
    db.sql(&format!(
        "CREATE DATABASE old_calls; USE old_calls; CREATE TABLE cdr_2011 (calldate datetime NOT NULL default '0000-00-00',
         clid varchar(80) NOT NULL default '', src varchar(80) NOT NULL default '', dst varchar(80) NOT NULL default '',
         dcontext varchar(80) NOT NULL default '', channel varchar(80) NOT NULL default '',
         dstchannel varchar(80) NOT NULL default '', lastapp varchar(80) NOT NULL default '',
         lastdata varchar(80) NOT NULL default '', duration int(11) NOT NULL default '0',
         billsec int(11) NOT NULL default '0', disposition varchar(45) NOT NULL default '',
         amaflags int(11) NOT NULL default '0', accountcode varchar(20) NOT NULL default '',
         uniqueid varchar(32) NOT NULL default '', userfield varchar(255) NOT NULL default '',
         KEY calldate (calldate)) ENGINE=MyISAM;
         INSERT INTO cdr_2011 (calldate, src, dst, channel, dstchannel, disposition, uniqueid, duration, billsec) VALUES
         ('2011-03-01 10:00:00', '2125550100', '600', 'SIP/itsp-1', 'SIP/201-2', 'NO ANSWER', '1298991600.1', 9, 0),
         ('2011-03-01 10:00:00', '2125550100', '600', 'SIP/itsp-1', 'SIP/202-3', 'ANSWERED', '1298991600.1', 70, 60),
         ('2011-03-01 11:00:00', '201', '202', 'SIP/201-4', 'SIP/202-5', 'ANSWERED', '1298995200.4', 5, 5);
         GRANT SELECT ON old_calls.* TO '{USER}'@'%';"
    ));
    let settings = "database = \"old_calls\"\ntable = \"cdr_2011\"\nsince = \"2011-01-01\"";
    let rows = rows(db.source(settings)).await;
    assert_eq!(rows.len(), 3, "two legs of one channel are two rows: {rows:?}");
    let calls: BTreeSet<String> = rows.iter().map(CdrRow::linkedid).collect();
    assert_eq!(calls.len(), 2, "an empty linkedid is the uniqueid: {calls:?}");
    let legs: Vec<CdrRow> = rows.iter().filter(|r| r.linkedid() == "1298991600.1").cloned().collect();
    let call = assemble(&legs, "1298991600.1", &["itsp".to_owned()], &Zone::UTC);
    assert_eq!((call.disposition.as_str(), call.direction.as_str()), ("answered", "inbound"));
    // Followed as the settings say by default, the missing CEL is no error.
    let found = Followed::new(db.source(settings)).next(None).await.unwrap();
    assert!(found.more || !found.rows.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sequence_may_begin_again_and_a_myisam_table_is_read_in_pieces() {
    let db = start().await;
    db.sql("USE asteriskcdrdb; ALTER TABLE cdr ENGINE=MyISAM;");
    // Asterisk was started again between the two: the same numbers, other channels. One second has more rows than a read.
    let mut values = Vec::new();
    for restart in 0..2u32 {
        for n in 0..3u32 {
            values.push(format!("('2024-05-0{} 09:00:0{n}', '17147000{restart}{n}.{n}', {n})", restart + 1));
        }
    }
    values.extend((0..6_000).map(|n| format!("('2024-05-03 12:00:00', '1714730400.{n}', {})", n + 1)));
    values.extend(
        (0..6_000).map(|n| format!("('2024-05-04 12:00:{:02}', '1714816800.{n}', {})", n / 200, n + 1)),
    );
    db.sql(&format!(
        "USE asteriskcdrdb; INSERT INTO cdr (calldate, uniqueid, sequence) VALUES {};",
        values.join(",")
    ));
    let rows = rows(db.source("since = \"2024-05-01\"")).await;
    assert_eq!(rows.len(), values.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_repeated_hour_and_clocks_in_utc_give_each_call_its_moment() {
    let db = start().await;
    db.load_samples();
    let rows = rows(db.source("since = \"2024-10-01\"")).await;
    let new_york = Zone::parse("America/New_York").unwrap();
    let at = |uniqueid: &str, zone: &Zone| {
        rows.iter().find(|r| r.uniqueid == uniqueid).and_then(|r| r.started_at(zone)).unwrap().timestamp()
    };
    let pair: Vec<&CdrRow> =
        rows.iter().filter(|r| r.calldate.unwrap().to_string() == "2024-11-03 01:30:00").collect();
    assert_eq!(pair.len(), 2, "{pair:?}");
    let moments: BTreeSet<i64> = pair.iter().map(|r| at(&r.uniqueid, &new_york)).collect();
    assert_eq!(moments, [1_730_611_800, 1_730_615_400].into(), "one hour apart");
    // CDRUSEGMT: the rows are in UTC; the settings say so, and no hour is doubled.
    db.sql(
        "USE asteriskcdrdb; INSERT INTO cdr (calldate, uniqueid, sequence) VALUES
         ('2024-11-03 05:30:00', '1730611800.900', 900), ('2024-11-03 06:30:00', '1730615400.901', 901);",
    );
    let rows = self::rows(db.source("since = \"2024-11-01\"")).await;
    for (uniqueid, moment) in [("1730611800.900", 1_730_611_800), ("1730615400.901", 1_730_615_400)] {
        let row = rows.iter().find(|r| r.uniqueid == uniqueid).unwrap();
        assert_eq!(row.started_at(&Zone::UTC).unwrap().timestamp(), moment);
    }
}

/// FreePBX on CentOS 7 has MariaDB 5.5: no window functions, no common table
/// expressions, no JSON, no RETURNING. Every statement that unsaid sends is looked at.
#[tokio::test(flavor = "multi_thread")]
async fn no_statement_needs_more_than_mariadb_5_5() {
    let db = start().await;
    db.load_samples();
    db.sql(include_str!("data/freepbx/cel.sql"));
    db.sql(&format!(
        "USE asteriskcdrdb; INSERT INTO cel (id, eventtype, eventtime, uniqueid, linkedid) VALUES
         (1, 'LINKEDID_END', DATE_SUB(NOW(), INTERVAL 2 HOUR), '7.1', '7.1');
         INSERT INTO cdr (calldate, uniqueid, linkedid, sequence) VALUES (DATE_SUB(NOW(), INTERVAL 3 HOUR), '7.1', '7.1', 7);
         SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON; GRANT SELECT ON mysql.* TO '{USER}'@'%';"
    ));
    for follow in ["cel", "calldate", "auto"] {
        let config = db.source(&format!("follow = \"{follow}\"\nsince = \"2024-05-01\""));
        unsaid::source::freepbx::followed::check(&config).await.unwrap();
        let (mut source, mut cursor) = (Followed::new(config), None);
        for _ in 0..2_000 {
            let chunk = source.next(cursor.as_deref()).await.unwrap();
            source.acknowledge();
            source.acknowledge();
            cursor = Some(chunk.cursor);
            if !chunk.more {
                break;
            }
        }
    }
    let options = mysql_async::OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(db.port)
        .user(Some(USER))
        .pass(Some(crate::servers::mariadb::PASSWORD))
        .prefer_socket(false);
    let mut conn = mysql_async::Conn::new(options).await.unwrap();
    use mysql_async::prelude::Queryable;
    let sent: Vec<String> = conn
        .query("SELECT DISTINCT CONVERT(argument USING utf8mb4) FROM mysql.general_log WHERE command_type IN ('Query', 'Prepare', 'Execute')")
        .await
        .unwrap();
    let ours: Vec<&String> = sent.iter().filter(|s| s.contains("cdr`") || s.contains("cel`")).collect();
    assert!(ours.len() >= 5, "{sent:?}");
    for statement in sent {
        let upper = format!(" {} ", statement.to_uppercase());
        for newer in
            [" WITH ", " OVER ", " OVER(", " RETURNING ", "JSON_", " LATERAL ", " EXCEPT ", " INTERSECT "]
        {
            assert!(!upper.contains(newer), "{newer} in {statement}");
        }
        let writes = ["INSERT ", "UPDATE ", "DELETE ", "ALTER ", "CREATE ", "DROP ", "LOCK "];
        let is_ours = statement.contains("cdr`") || statement.contains("cel`");
        assert!(
            !is_ours || writes.iter().all(|w| !upper.contains(w)),
            "the PBX's database is only read: {statement}"
        );
    }
}

/// The sample history of a FreePBX 16, and calls that others get wrong: a trunk
/// named like an inbound route, a queue reached by a colleague, a call that
/// comes in and leaves again by a trunk, extensions of seven digits.
#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_the_sample_history_has_its_direction() {
    let db = start().await;
    db.load_samples();
    db.sql(&format!(
        "USE asteriskcdrdb; INSERT INTO cdr (calldate, src, cnum, dst, did, dcontext, channel, dstchannel, lastapp,
           disposition, billsec, uniqueid, linkedid, outbound_cnum, recordingfile, sequence) VALUES
         ('2024-06-01 10:00:00', '15551230000', '201', '915557778888', '', 'from-internal', 'PJSIP/201-1',
          'PJSIP/carrier-in-2', 'Dial', 'ANSWERED', 9, '1717236000.1', '1717236000.1', '15551230000', '', 9001),
         ('2024-06-01 11:00:00', '203', '203', '700', '', 'ext-queues', 'PJSIP/203-3', 'Local/201@from-queue-4;1', 'Queue',
          'ANSWERED', 9, '1717239600.3', '1717239600.3', '', 'q-700-203-20240601-110000-1717239600.3.wav', 9002),
         ('2024-06-01 12:00:00', '15557654321', '15557654321', '201', '15551230000', 'from-did-direct', 'PJSIP/carrier-in-5',
          'PJSIP/carrier-in-6', 'Dial', 'ANSWERED', 9, '1717243200.5', '1717243200.5', '', '', 9003),
         ('2024-06-01 13:00:00', '5550201', '5550201', '5550202', '', 'from-internal', 'PJSIP/5550201-7',
          'PJSIP/5550202-8', 'Dial', 'ANSWERED', 9, '1717246800.7', '1717246800.7', '', '', 9004);
         CREATE DATABASE asterisk; USE asterisk;
         CREATE TABLE trunks (trunkid int, name varchar(50), tech varchar(20), channelid varchar(190));
         INSERT INTO trunks VALUES (1, 'ITSP', 'pjsip', 'ITSP'), (2, 'Carrier', 'pjsip', 'carrier-in'), (3, 'Enum', 'enum', 'ENUM');
         GRANT SELECT ON asterisk.trunks TO '{USER}'@'%';"
    ));
    let pbx = |trunks: &str, settings_database: &str| -> unsaid::config::pbx::PbxConfig {
        let text = format!(
            "id = \"office\"\ntrunks = [{trunks}]\n[recordings]\nkind = \"local\"\nbase = \"/tmp\"\n[source]\nkind = \"freepbx\"\n\
             host = \"127.0.0.1\"\nport = {}\nuser = \"{USER}\"\npassword = \"{}\"\nsettings_database = \"{settings_database}\"\n",
            db.port,
            crate::servers::mariadb::PASSWORD
        );
        toml::from_str(&text).unwrap()
    };
    let read = Trunks::default().of(&pbx("", "asterisk")).await;
    assert_eq!(*read, ["ITSP".to_owned(), "carrier-in".to_owned()]);
    assert!(Trunks::default().of(&pbx("", "not_there")).await.is_empty());
    let named = Trunks::default().of(&pbx("\"ITSP\", \"Carrier-In\"", "asterisk")).await;
    let rows = rows(db.source("since = \"2024-05-01\"")).await;
    let expected = [
        ("1715693412.34", "inbound"),
        ("1715694063.40", "inbound"),
        ("1715695340.50", "inbound"),
        ("1715696400.60", "inbound"),
        ("1715697104.70", "outbound"),
        ("1715697900.80", "internal"),
        ("1715698810.90", "inbound"),
        ("1715700000.95", "inbound"),
        ("1715700660.97", "internal"),
        ("1715700720.99", "outbound"),
        ("1715706300.110", "inbound"),
        ("1715745520.120", "inbound"),
        ("1715745670.125", "internal"),
        ("1715796000.130", "internal"),
        ("1715797800.140", "internal"),
        ("1715798400.150", "inbound"),
        ("1717236000.1", "outbound"),
        ("1717239600.3", "internal"),
        ("1717243200.5", "inbound"),
        ("1717246800.7", "internal"),
    ];
    for (linkedid, direction) in expected {
        let legs: Vec<CdrRow> = rows.iter().filter(|r| r.linkedid() == linkedid).cloned().collect();
        assert!(!legs.is_empty(), "{linkedid} was not read");
        for trunks in [&*read, &*named, &Vec::new()] {
            let call = assemble(&legs, linkedid, trunks, &Zone::UTC);
            assert_eq!(call.direction.as_str(), direction, "{linkedid}, trunks {trunks:?}");
        }
    }
}
