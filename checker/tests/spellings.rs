//! One history in every spelling that its tools write: the same verdict.

use checker::{Analysis, Budget, FailedCas, Options, Verdict, linearizability, models};
use histories::format;

/// The verdict on a text, by what it implies.
fn verdict(model: Option<&str>, text: &str) -> Verdict {
    let imported = format::read(text.as_bytes(), &format::Options::default())
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    let suggested = models::suggested(&imported.history.events);
    let name = match (model.or(imported.model_hint.as_deref()), &suggested[..]) {
        (Some(name), _) | (None, &[name]) => name,
        (None, several) => panic!("{several:?}\n{text}"),
    };
    let options = Options {
        failed_cas: match imported.failed_cas {
            format::FailedCas::DidNotHappen => FailedCas::DidNotHappen,
            format::FailedCas::Observation => FailedCas::Observation,
        },
        analysis: match imported.analysis {
            format::Analysis::Linearizable => Analysis::Linearizable,
            format::Analysis::Jepsen => Analysis::Jepsen,
        },
        ..Options::default()
    };
    let (header, events) = (&imported.history.header, &imported.history.events);
    let model = models::find(name).expect("a model of the table");
    let check = linearizability(header, events, model, &options, &Budget::unlimited());
    check.unwrap_or_else(|error| panic!("{error}\n{text}")).verdict
}

fn all(model: Option<&str>, cases: &[(Verdict, &str)]) {
    for (expected, text) in cases {
        assert_eq!(verdict(model, text), *expected, "{text}");
    }
}

use Verdict::{Inconclusive, Pass, Violation};

#[test]
fn registers() {
    all(
        None,
        &[
            // Maps one after the other, in a vector, in a list; commas, comments, discarded forms.
            (
                Inconclusive,
                "{:process 0 :type :invoke :f :write :value 1}\n{:process 0 :type :ok :f :write :value 1}",
            ),
            (
                Violation,
                "; a comment\n[{:process 0, :type :invoke, :f :write, :value 1}, {:process 0, :type :ok, :f :write, :value 1},\n\
                 #_{:gone true} {:process 1, :type :invoke, :f :read, :value nil}\n{:process 1, :type :ok, :f :read, :value 2}]",
            ),
            (
                Violation,
                "({:process 0 :type :invoke :f :write :value 1}\n{:process 0 :type :ok :f :write :value 1}\n\
                 {:process 1 :type :invoke :f :read}\n{:process 1 :type :ok :f :read :value nil})",
            ),
            // Strings for keywords, a record, an index that begins elsewhere, an instant, an object.
            (
                Violation,
                "#jepsen.history.Op{:index 7, :time 3, :process 0, :type \"invoke\", :f \"cas\", :value [1 2]}\n\
                 #jepsen.history.Op{:index 9, :time 5, :process 0, :type \"ok\", :f \"cas\", :value [1 2], \
                 :at-wall #inst \"2020-01-01T00:00:00Z\", :thread #object[java.lang.Thread \"0x1f\" \"main\"]}",
            ),
            // The same client goes on after an unknown outcome; errors of all shapes; a nemesis that says anything.
            (
                Pass,
                "{:process 0 :type :invoke :f :write :value 1}\n{:process 0 :type :info :f :write :value 1 :error [:timeout {:a 1.5}]}\n\
                 {:process 0 :type :invoke :f :write :value 2}\n{:process 0 :type :fail :f :write :value 2 :error nil}\n\
                 {:process :nemesis :type :info :f :start :value nil}\n\
                 {:process :nemesis :type :info :f :start :value {:cut #{\"n1\" 2/3}}}\n\
                 {:process 1 :type :invoke :f :read :value nil}\n{:process 1 :type :ok :f :read :value 1 :error \"none at all\"}",
            ),
            // The value of a completion is missing, or is the error.
            (
                Pass,
                "{:process 0 :type :invoke :f :write :value 1}\n{:process 0 :type :ok :f :write}\n\
                 {:process 1 :type :invoke :f :cas :value [3 4]}\n{:process 1 :type :info :f :cas :value :timed-out}\n\
                 {:process 2 :type :invoke :f :read :value nil}\n{:process 2 :type :ok :f :read :value 1}",
            ),
            // A set and a map are what they are in whatever order they are printed.
            (
                Pass,
                "{:process 0 :type :invoke :f :write :value #{3 :a \"b\"}}\n{:process 0 :type :ok :f :write :value #{3 :a \"b\"}}\n\
                 {:process 1 :type :invoke :f :read :value nil}\n{:process 1 :type :ok :f :read :value #{\"b\" 3 :a}}",
            ),
            (
                Pass,
                "{:process 0 :type :invoke :f :write :value {:x 1, :y {:a [2], :b ()}}}\n{:process 0 :type :ok :f :write :value {:x 1, :y {:a [2], :b ()}}}\n\
                 {:process 1 :type :invoke :f :read :value nil}\n{:process 1 :type :ok :f :read :value {:y {:b [], :a (2)}, :x 1}}",
            ),
            (
                Violation,
                "{:process 0 :type :invoke :f :write :value {:x 1, :y 2}}\n{:process 0 :type :ok :f :write :value {:x 1, :y 2}}\n\
                 {:process 1 :type :invoke :f :read :value nil}\n{:process 1 :type :ok :f :read :value {:y 1, :x 2}}",
            ),
            (
                Pass,
                r#"[{"type":"invoke","f":"write","process":0,"value":{"x":1,"y":2}},{"type":"ok","f":"write","process":0,"value":{"x":1,"y":2}},
                {"type":"invoke","f":"read","process":1},{"type":"ok","f":"read","process":1,"value":{"y":2,"x":1}}]"#,
            ),
            (
                Pass,
                "{\"history\":1,\"model\":\"register\"}\n\
                 {\"index\":0,\"time\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"write\",\"value\":{\"x\":1,\"y\":2}}\n\
                 {\"index\":1,\"time\":0,\"process\":1,\"type\":\"invoke\",\"f\":\"read\"}\n\
                 {\"index\":2,\"time\":0,\"process\":1,\"type\":\"ok\",\"f\":\"read\",\"value\":{\"y\":2,\"x\":1}}\n",
            ),
            // A byte order mark, lines that end as on Windows, tabs, blank lines, a comment at the end without a newline.
            (
                Violation,
                "\u{feff}{:process\t0,\t:type\t:invoke,\t:f\t:write,\t:value\t1}\r\n\r\n{:process 0 :type :ok :f :write :value 1}\r\n\
                 {:process 1 :type :invoke :f :read}\r\n{:process 1 :type :ok :f :read :value 2}\r\n; the end",
            ),
            (
                Violation,
                "\u{feff}[\r\n  {\r\n    \"type\": \"invoke\",\r\n    \"f\": \"read\",\r\n    \"process\": 0,\r\n    \"value\": null\r\n  },\r\n  \
                 {\r\n    \"type\": \"ok\", \"f\": \"r\\u0065ad\", \"process\": 0, \"value\": 2\r\n  }\r\n]\r\n",
            ),
            // A nemesis that invokes and completes; times before the run, out of order, and missing; an index of -1.
            (
                Violation,
                "{:process :nemesis, :type :invoke, :f :start-partition, :value :majority, :time -3, :index -1}\n\
                 {:process :nemesis, :type :info, :f :start-partition, :value [:isolated {\"n1\" #{\"n2\" \"n3\"}}], :time -2, :index -1}\n\
                 {:process 0, :type :invoke, :f :write, :value 1, :time 5}\n{:process 1, :type :invoke, :f :read, :value nil, :time 4}\n\
                 {:process 0, :type :ok, :f :write, :value 1}\n{:process 1, :type :ok, :f :read, :value 2N, :time 7, :debug {:at #uuid \"00000000-0000-0000-0000-000000000000\"}}",
            ),
            // Integers with an N, characters, keywords.
            (
                Pass,
                "{:process 0N :type :invoke :f :write :value \\x}\n{:process 0 :type :ok :f :write :value \\x}\n\
                 {:process 1 :type :invoke :f :read :value nil}\n{:process 1 :type :ok :f :read :value \"x\"}",
            ),
            // elle-cli's JSON: an array, and objects one after the other.
            (
                Violation,
                r#"[{"type":"invoke","f":"read","process":0,"value":null,"index":1},{"type":"ok","f":"read","process":0,"value":5,"index":2}]"#,
            ),
            (
                Pass,
                "{\"type\":\"invoke\",\"f\":\"write\",\"process\":0,\"value\":5}\n{\"type\":\"info\",\"f\":\"write\",\"process\":0,\"value\":5,\"error\":[\"x\",{}]}\n\
                 {\"type\":\"info\",\"f\":\"start\",\"process\":\"nemesis\",\"value\":1.5}\n\
                 {\"type\":\"invoke\",\"f\":\"read\",\"process\":1}\n{\"type\":\"ok\",\"f\":\"read\",\"process\":1,\"value\":5}",
            ),
        ],
    );
}

#[test]
fn independent_keys() {
    all(
        None,
        &[
            (
                Violation,
                "{:process 0 :type :invoke :f :write :value [:a 1]}\n{:process 0 :type :ok :f :write :value [:a 1]}\n\
                 {:process 1 :type :invoke :f :read :value [:b nil]}\n{:process 1 :type :ok :f :read :value [:b 1]}",
            ),
            (
                Pass,
                r#"[{"type":"invoke","f":"write","process":0,"value":[7,1]},{"type":"ok","f":"write","process":0,"value":[7,1]},
                {"type":"invoke","f":"read","process":1,"value":[8,null]},{"type":"ok","f":"read","process":1,"value":[8,null]}]"#,
            ),
            // Keys of all kinds; a completion whose value is the error.
            (
                Pass,
                "{:process 0 :type :invoke :f :write :value [\"a b\" 1]}\n{:process 0 :type :info :f :write :value :timed-out}\n\
                 {:process 1 :type :invoke :f :read :value [true nil]}\n{:process 1 :type :ok :f :read :value [true nil]}\n\
                 {:process 2 :type :invoke :f :cas :value [\\x [1 2]]}\n{:process 2 :type :fail :f :cas :value [\\x [1 2]] :error [:not-found \"no such key\"]}",
            ),
            // jepsen.etcd: [k [version value]].
            (
                Violation,
                "{:process 0 :type :invoke :f :write :value [3 [nil 1]]}\n{:process 0 :type :ok :f :write :value [3 [2 1]]}\n\
                 {:process 1 :type :invoke :f :read :value [3 [nil nil]]}\n{:process 1 :type :ok :f :read :value [3 [1 1]]}",
            ),
        ],
    );
}

#[test]
fn a_failed_cas_is_what_its_format_says() {
    let rows = |prefix: &str| {
        let rows = [
            "0\t:invoke\t:write\t1",
            "0\t:ok\t:write\t1",
            "1\t:invoke\t:cas\t[1 2]",
            "1\t:fail\t:cas\t[1 2]",
        ];
        rows.map(|row| format!("{prefix}{row}\n")).concat()
    };
    // If it did not happen, nothing was observed.
    assert_eq!(verdict(None, &rows("")), Inconclusive);
    assert_eq!(verdict(None, &rows("INFO  jepsen.util - ")), Violation);
    let logged = "2021-10-25 16:48:26\tINFO\t[worker 0] jepsen.util: ";
    assert_eq!(verdict(None, &rows(logged)), Inconclusive);
}

#[test]
fn sets_and_counters_as_jepsen_s_checkers() {
    all(
        None,
        &[
            (
                Pass,
                "{:process 0 :type :invoke :f :add :value [0 0]}\n{:process 0 :type :ok :f :add :value [0 0]}\n\
                 {:process 0 :type :invoke :f :read}\n{:process 0 :type :ok :f :read :value #{}}\n\
                 {:process 0 :type :invoke :f :read}\n{:process 0 :type :ok :f :read :value #{[0 0]}}",
            ),
            (
                Violation,
                r#"[{"type":"invoke","f":"add","process":0,"value":1},{"type":"ok","f":"add","process":0,"value":1},
                {"type":"invoke","f":"read","process":0},{"type":"ok","f":"read","process":0,"value":[]}]"#,
            ),
            (
                Pass,
                "{:process 0 :type :invoke :f :add :value 1 :op-index 1}\n{:process 1 :type :invoke :f :read :value nil}\n\
                 {:process 1 :type :ok :f :read :value 1}\n{:process 1 :type :invoke :f :read :value nil}\n\
                 {:process 1 :type :ok :f :read :value 0}\n{:process 0 :type :ok :f :add :value 1 :op-index 1}",
            ),
            (
                Violation,
                "{:process 0 :type :invoke :f :add :value 1}\n{:process 0 :type :ok :f :add :value 1}\n\
                 {:process 1 :type :invoke :f :read :value nil}\n{:process 1 :type :ok :f :read :value 0}",
            ),
        ],
    );
    // Jepsen's tests of JGroups.
    let added = "{:process 1 :type :invoke :f :add-and-get :value 1}\n{:process 1 :type :info :f :add-and-get :value 1}\n\
                 {:process 2 :type :invoke :f :fetch-add :value 1}\n{:process 2 :type :ok :f :fetch-add :value [1 1]}\n\
                 {:process 3 :type :invoke :f :add-and-get :value 1}\n";
    let made = |number| format!("{added}{{:process 3 :type :ok :f :add-and-get :value [1 {number}]}}");
    for number in 2..5 {
        let expected = if number == 3 { Pass } else { Violation };
        assert_eq!(verdict(Some("counter"), &made(number)), expected, "{number}");
        assert_eq!(verdict(None, &made(number)), expected, "{number}");
    }
    let unread = "{:process 0 :type :invoke :f :add :value 1}\n{:process 0 :type :ok :f :add :value 1}";
    assert_eq!(verdict(Some("set"), unread), Inconclusive);
}

#[test]
fn banks_forks_and_transactions() {
    all(
        None,
        &[
            (
                Pass,
                "{:process 0 :type :invoke :f :transfer :value {:from 1 :to 2 :amount 5}}\n{:process 0 :type :fail :f :transfer :value {:from 1 :to 2 :amount 5}}\n\
                 {:process 0 :type :invoke :f :read}\n{:process 0 :type :ok :f :read :value {1 7, 2 3}}\n\
                 {:process 0 :type :invoke :f :read}\n{:process 0 :type :ok :f :read :value {1 10}}",
            ),
            (
                Violation,
                r#"[{"type":"invoke","f":"read","process":0},{"type":"ok","f":"read","process":0,"value":{"0":5,"1":5}},
                {"type":"invoke","f":"read","process":0},{"type":"ok","f":"read","process":0,"value":{"0":5,"1":4}}]"#,
            ),
            (
                Violation,
                "{:process 0 :type :invoke :f :read :value [[:r :x nil] [:r :y nil]]}\n{:process 0 :type :ok :f :read :value [[:r :x 1] [:r :y nil]]}\n\
                 {:process 0 :type :invoke :f :read :value [[:r :x nil] [:r :y nil]]}\n{:process 0 :type :ok :f :read :value [[:r :x nil] [:r :y 1]]}",
            ),
            // Without :f, as Elle's own histories; an unknown outcome without a value.
            (
                Pass,
                "{:process 0 :type :invoke :value [[:append :x 1]]}\n{:process 0 :type :info :value nil}\n\
                 {:process 1 :type :invoke :value [[:r :x nil]]}\n{:process 1 :type :ok :value [[:r :x [1]]]}",
            ),
            // Beyond Elle, a value that nobody wrote is wrong.
            (
                Violation,
                "{:type :invoke, :f :txn :value [[:r :x nil]], :process 0, :index 3}\n{:type :ok, :f :txn :value [[:r :x 3]], :process 0, :index 4}\n\
                 {:type :invoke, :f :txn :value [[:w :x 2]], :process 0, :index 5}\n{:type :ok, :f :txn :value [[:w :x 2]], :process 0, :index 6}",
            ),
            (
                Violation,
                r#"[{"type":"invoke","f":"txn","process":0,"value":[["append",1,1]]},{"type":"fail","f":"txn","process":0,"value":[["append",1,1]]},
                {"type":"invoke","f":"txn","process":0,"value":[["r",1,null]]},{"type":"ok","f":"txn","process":0,"value":[["r",1,[1]]]}]"#,
            ),
        ],
    );
}

#[test]
fn locks() {
    all(
        None,
        &[
            (
                Violation,
                r#"[{"type":"invoke","f":"acquire","process":0},{"type":"ok","f":"acquire","process":0},
                {"type":"invoke","f":"acquire","process":1},{"type":"ok","f":"acquire","process":1}]"#,
            ),
            (
                Pass,
                "{:process 0 :type :invoke :f :release :value nil}\n{:process 0 :type :fail :f :release :error :not-held}\n\
                 {:process 0 :type :invoke :f :acquire :value nil}\n{:process 0 :type :ok :f :acquire :value nil}\n\
                 {:process 1 :type :invoke :f :release :value nil}\n{:process 1 :type :ok :f :release :value nil}",
            ),
        ],
    );
    let stolen = "{:process 0 :type :invoke :f :acquire}\n{:process 0 :type :ok :f :acquire}\n\
                  {:process 1 :type :invoke :f :release}\n{:process 1 :type :ok :f :release}";
    assert_eq!(verdict(Some("owned-mutex"), stolen), Violation);
}

#[test]
fn what_is_ambiguous_is_not_guessed() {
    let text = "{:process 0 :type :invoke :f :enqueue :value 1}\n{:process 0 :type :ok :f :enqueue :value 1}";
    let imported = format::read(text.as_bytes(), &format::Options::default()).unwrap();
    assert_eq!(imported.model_hint, None);
    let suggested = models::suggested(&imported.history.events);
    assert_eq!(suggested, ["unordered-queue", "fifo-queue"]);
}
