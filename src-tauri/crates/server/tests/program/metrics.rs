//! What `/metrics` tells.

use openmetrics_parser::{MetricNumber, PrometheusValue, prometheus::parse_prometheus};
use serde_json::Value;

use crate::Running;

/// The values of a metric's samples, by their labels parted by spaces.
fn samples(text: &str, name: &str) -> Vec<(String, PrometheusValue)> {
    let parsed = parse_prometheus(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let family = parsed.families.get(name).unwrap_or_else(|| panic!("{name} in {text}"));
    family
        .iter_samples()
        .map(|sample| {
            let labels = sample.get_labelset().expect("labels");
            let mut labels: Vec<_> =
                labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            labels.sort();
            (labels.join(" "), sample.value.clone())
        })
        .collect()
}

fn number(text: &str, name: &str, labels: &str) -> f64 {
    let found = samples(text, name);
    let found = found.iter().find(|(known, _)| known == labels);
    match found.unwrap_or_else(|| panic!("{name} {labels} in {text}")) {
        (_, PrometheusValue::Counter(counter)) => counter.value.as_f64(),
        (_, PrometheusValue::Gauge(MetricNumber::Float(value))) => *value,
        (_, PrometheusValue::Gauge(MetricNumber::Int(value))) => {
            f64::from(i32::try_from(*value).expect("a small number"))
        }
        (_, PrometheusValue::Histogram(histogram)) => {
            f64::from(u32::try_from(histogram.count.unwrap_or(0)).expect("a small number"))
        }
        (_, other) => panic!("{name} is {other:?}"),
    }
}

#[tokio::test]
async fn metrics_are_of_routes_and_not_of_paths() {
    let (demo, line) = Running::demo(&[], &[]);
    let url = line["url"].as_str().expect("a URL");
    let key = line["users"][0]["apiKey"].as_str().expect("a key");
    let http = reqwest::Client::new();
    let id = "01990000-0000-7000-8000-000000000000";
    for path in ["/partnerships", &format!("/partnerships/{id}"), "/nothing/here?search=Fjord"] {
        let answer = http.get(format!("{url}/api/v1{path}")).bearer_auth(key).send().await;
        answer.expect("an answer");
    }
    let answer = http.get(format!("{url}/api/v1/events")).bearer_auth(key).send().await;
    let stream = answer.expect("a stream");
    let ask = async || {
        let answer = http.get(format!("{url}/metrics")).send().await.expect("an answer");
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        answer.text().await.expect("text")
    };
    let text = ask().await;
    let requests = |labels: &str| number(&text, "entente_http_requests_total", labels);
    assert_eq!(requests("method=GET route=/api/v1/partnerships status=200"), 1.0);
    assert_eq!(requests("method=GET route=/api/v1/partnerships/{id} status=404"), 1.0);
    assert_eq!(requests("method=GET route=none status=404"), 1.0);
    assert_eq!(requests("method=GET route=/api/v1/events status=200"), 1.0);
    let took = "entente_http_request_duration_seconds";
    assert_eq!(number(&text, took, "method=GET route=/api/v1/partnerships"), 1.0);
    assert_eq!(number(&text, "entente_event_streams", ""), 1.0);
    assert_eq!(number(&text, "entente_database_up", ""), 1.0);
    assert_eq!(number(&text, "entente_write_retries_total", ""), 0.0);
    let reading = |state: &str| {
        let labels = format!("pool=read state={state}");
        number(&text, "entente_database_connections", &labels)
    };
    assert!(reading("idle") + reading("used") >= 1.0);
    let commits = number(&text, "entente_commits_total", "");
    let version = format!("version={}", env!("CARGO_PKG_VERSION"));
    assert_eq!(number(&text, "entente_build_info", &version), 1.0);
    for hidden in [id, "Fjord", "search"] {
        assert!(!text.contains(hidden), "{text}");
    }

    drop(stream);
    let created = http
        .post(format!("{url}/api/v1/api-keys"))
        .bearer_auth(key)
        .json(&serde_json::json!({"name": "Another", "scopes": ["partnerships:read"]}))
        .send()
        .await
        .expect("an answer");
    assert!(created.status().is_success(), "{:?}", created.json::<Value>().await);
    let mut text = ask().await;
    assert_eq!(number(&text, "entente_commits_total", ""), commits + 1.0);
    for _ in 0..500 {
        if number(&text, "entente_event_streams", "") == 0.0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        text = ask().await;
    }
    panic!("the stream is still counted: {text}, {:?}", demo.log());
}
