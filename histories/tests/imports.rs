//! What each import makes of its format, as lines of history/1.

use Independent::{Auto, No, Yes};
use histories::Header;
use histories::format::{self, FormatError, Independent, Interrupt, Options, Problem, history1};

/// The header and the events that a text becomes.
fn imported(text: &str, independent: Independent) -> Result<(Header, String), String> {
    let options = Options {
        independent,
        ..Options::default()
    };
    let imported = format::read(text.as_bytes(), &options).map_err(|error| error.to_string())?;
    let mut lines = Vec::new();
    for event in &imported.history.events {
        history1::write_event(&mut lines, event);
    }
    Ok((imported.history.header, String::from_utf8(lines).expect("UTF-8")))
}

#[test]
fn events_of_every_format() {
    for (text, expected) in [
        // The index counts anew and keeps the old one; a step back in time is levelled; a set is an array.
        (
            "[{:index 7, :time 50, :process 1, :type :invoke, :f :read, :value nil}\n \
              {:index 9, :time 49, :process 1, :type :ok, :f :read, :value #{1 :x}}]",
            r#"{"index":0,"time":50,"process":1,"type":"invoke","f":"read","value":null,"original_index":7}
{"index":1,"time":50,"process":1,"type":"ok","f":"read","value":[1,"x"],"original_index":9}
"#,
        ),
        // The nemesis may say anything; errors have a code and words; unknown fields are kept.
        (
            "{:process :nemesis, :type :info, :f :start, :value {:n1 #{1.5}}}\n\
             {:process 4, :type :fail, :f :write, :value 3, :error [:unavailable \"no quorum\"], :op-index 12}\n\
             {:process 4, :type :info, :f :write, :value :timed-out, :error nil}",
            r#"{"index":0,"time":0,"process":"nemesis","type":"info","f":"start","value":"{:n1 #{1.5}}"}
{"index":1,"time":1,"process":4,"type":"fail","f":"write","value":3,"error":"unavailable","message":"no quorum","op-index":12}
{"index":2,"time":2,"process":4,"type":"info","f":"write","value":null,"error":"timed-out"}
"#,
        ),
        // Fields that have the name of one of ours and mean something else.
        (
            "{:process 4, :type :ok, :f :read, :value 3, :node 2, :seq \"a\", :at #inst \"2020\", :message {:b 1}, :key nil}\n\
             {:process 4, :type :invoke, :f :read, :value 3, :node nil, :seq nil, :at nil, :message nil, :error nil}",
            r#"{"index":0,"time":0,"process":4,"type":"ok","f":"read","value":3,"original_at":"2020","original_message":{"b":1},"original_node":2,"original_seq":"a"}
{"index":1,"time":1,"process":4,"type":"invoke","f":"read","value":3}
"#,
        ),
        // A record; an operation without :f is a transaction.
        (
            "#jepsen.history.Op{:process 0 :type :invoke :value [[:append 253 1] [:r 255 nil]]}",
            r#"{"index":0,"time":0,"process":0,"type":"invoke","f":"txn","value":[["append",253,1],["r",255,null]]}
"#,
        ),
        (
            r#"[{"index":0,"type":"ok","f":"read","process":0,"time":7,"value":{"0":100,"01":5},"error":"went wrong"}]"#,
            r#"{"index":0,"time":7,"process":0,"type":"ok","f":"read","value":[[0,100],["01",5]],"message":"went wrong"}
"#,
        ),
        (
            "3\t:invoke\t:cas\t[1 2]\n:nemesis\t:info\t:start\tCut off {:n1\n3\t:info\t:cas\t[1 2]\tjava.net.Timeout: it took {too long\n",
            r#"{"index":0,"time":0,"process":3,"type":"invoke","f":"cas","value":[1,2]}
{"index":1,"time":1,"process":"nemesis","type":"info","f":"start","value":"Cut off {:n1"}
{"index":2,"time":2,"process":3,"type":"info","f":"cas","value":[1,2],"message":"java.net.Timeout: it took {too long"}
"#,
        ),
        (
            "2021-10-25 16:48:26,123{GMT}\tINFO\t[jepsen test runner] jepsen.core: Test version 1 \n\
             2021-10-25 16:48:27,001{GMT}\tINFO\t[jepsen worker 0] jepsen.util: 0\t:invoke\t:write\t1\n\
             2021-10-25 16:48:27,002{GMT}\tWARN\t[jepsen worker 0] jepsen.generator.interpreter: Process 0 crashed\n\
             java.lang.IllegalStateException: no\n\tat clojure.lang.AFn.run(AFn.java:22)\n\
             2021-10-25 16:48:27,003{GMT}\tINFO\t[jepsen worker 0] jepsen.util: 0\t:info\t:write\t1\t:timeout\n",
            r#"{"index":0,"time":0,"process":0,"type":"invoke","f":"write","value":1}
{"index":1,"time":1,"process":0,"type":"info","f":"write","value":1,"error":"timeout"}
"#,
        ),
        (
            "INFO  jepsen.util - 4   :invoke :read   nil\nINFO  jepsen.util - 4\t:fail\t:read\t:timed-out\n",
            r#"{"index":0,"time":0,"process":4,"type":"invoke","f":"read","value":null}
{"index":1,"time":1,"process":4,"type":"fail","f":"read","value":null,"error":"timed-out"}
"#,
        ),
        (
            "{:process 9, :type :invoke, :f :append, :key \"0\", :value \"x 9 0 y\"}\n",
            r#"{"index":0,"time":0,"process":9,"type":"invoke","f":"append","key":"0","value":"x 9 0 y"}
"#,
        ),
    ] {
        let (header, lines) = imported(text, No).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(lines, expected, "{text}");
        assert_eq!(header.keyed, text.contains(":key \""), "{text}");
        let whole = [b"{\"history\":1}\n", lines.as_bytes()].concat();
        assert!(history1::read(whole.as_slice()).is_ok(), "read again: {lines}");
    }
}

#[test]
fn tuples_are_keys_where_all_values_are_tuples() {
    let history = |operations: &[(&str, &str, &str)]| {
        let maps = operations
            .iter()
            .map(|(kind, f, value)| format!("{{:process 1, :type :{kind}, :f :{f}, :value {value}}}\n"));
        maps.collect::<String>() + "{:process :nemesis, :type :info, :f :start, :value [1 2]}\n"
    };
    let writes = history(&[("invoke", "write", "[:k 1]"), ("ok", "write", "[:k 1]")]);
    let reads = history(&[("invoke", "read", "[7 nil]"), ("info", "read", ":timed-out")]);
    let cas = history(&[("invoke", "cas", "[1 2]"), ("ok", "cas", "[1 2]")]);
    let keyed_cas = history(&[("invoke", "cas", "[1 [2 3]]"), ("ok", "cas", "[1 [2 3]]")]);
    let mixed = history(&[
        ("invoke", "cas", "[1 2]"),
        ("ok", "cas", "[1 2]"),
        ("invoke", "read", "nil"),
    ]);
    let transactions = history(&[("invoke", "txn", "[[:r 1 nil] [:w 2 3]]")]);
    let inserts = history(&[("invoke", "insert", "[7 nil]"), ("ok", "insert", "[7 nil]")]);
    let keyed_inserts = history(&[
        ("invoke", "insert", "[1 [7 nil]]"),
        ("ok", "insert", "[1 [7 nil]]"),
    ]);
    for (text, independent, keyed) in [
        (&writes, Auto, true),
        (&writes, Yes, true),
        (&writes, No, false),
        (&reads, Auto, true),
        (&cas, Auto, false),
        (&cas, Yes, true),
        (&keyed_cas, Auto, true),
        (&mixed, Auto, false),
        (&transactions, Auto, false),
        (&inserts, Auto, false),
        (&keyed_inserts, Auto, true),
    ] {
        let (header, lines) = imported(text, independent).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(header.keyed, keyed, "{text}");
        let clients: Vec<&str> = lines.lines().filter(|line| !line.contains("nemesis")).collect();
        assert!(
            clients.iter().all(|line| line.contains("\"key\":") == keyed),
            "{lines}"
        );
        assert!(
            lines.ends_with("\"value\":[1,2]}\n"),
            "the nemesis has no keys: {lines}"
        );
    }
    let (_, lines) = imported(&reads, Auto).expect("a history");
    assert!(
        lines.contains(r#""type":"info","f":"read","key":7,"value":null,"error":"timed-out""#),
        "{lines}"
    );
    let error = imported(&mixed, Yes).expect_err("a read without a tuple");
    assert_eq!(
        error,
        "line 3, column 1: expected a tuple [k v] as value (independent), found null"
    );
}

#[test]
fn reading_stops_at_every_operation_where_it_is_told() {
    let edn = "{:process 0, :type :invoke, :f :get, :key \"x\", :value nil}\n\
               {:process 0, :type :ok, :f :get, :key \"x\", :value \"1\"}\n";
    let log = "INFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 0\t:ok\t:read\t1\n";
    for (name, text) in [
        ("jepsen-edn", edn),
        ("jepsen-edn", &format!("[{edn}]")),
        ("porcupine-kv", edn),
        ("jepsen-txt", "0\t:invoke\t:read\tnil\n0\t:ok\t:read\t1\n"),
        ("jepsen-log", log),
        ("porcupine-etcd", log),
        (
            "elle-json",
            r#"[{"type":"invoke","f":"read","process":0},{"type":"ok","f":"read","process":0,"value":1}]"#,
        ),
    ] {
        let looks = std::cell::Cell::new(0);
        let read = |most: usize| {
            looks.set(0);
            let asked = || {
                looks.set(looks.get() + 1);
                looks.get() > most
            };
            let options = Options {
                format: Some(name),
                interrupt: Interrupt::when(&asked),
                ..Options::default()
            };
            format::read(text.as_bytes(), &options)
        };
        assert_eq!(read(usize::MAX).expect(name).history.events.len(), 2, "{name}");
        let all = looks.get();
        assert!(
            all >= 4,
            "{name}: {all} looks at two operations, each taken apart and put in order"
        );
        for most in 0..all {
            let problem = match read(most) {
                Err(FormatError::Malformed { problem, .. }) => Some(problem),
                _ => None,
            };
            assert_eq!(problem, Some(Problem::Stopped), "{name} after {most} looks");
        }
    }
}
