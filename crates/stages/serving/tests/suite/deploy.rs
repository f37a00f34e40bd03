use mlwright_serving as serving;
use predictions::Window;
use runtimes::{Column, Frame, Tensor, TensorData, Values};
use serving::{EndpointState, Error, Input, Request, Select};
use types::{Class, Fault};

use crate::house::{COMPONENTS, House, rows, start};

ledger::db_test! {
    components: COMPONENTS;

    async fn weights_split_the_traffic_and_a_routing_key_sticks(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        let two = house.version("cancer", "cancer_logreg_2.onnx").await;
        house.deploy("e", &[(one, 3.0), (two, 1.0)]).await.unwrap();
        let mut second = 0;
        for _ in 0..1000 {
            if house.ask("e").await.unwrap().version == 2 {
                second += 1;
            }
        }
        assert!((180..330).contains(&second), "{second} of 1000 went to a quarter");
        for key in ["a", "b", "c", "d", "e", "f"] {
            let first = house.ask_with("e", None, Some(key), rows(1)).await.unwrap().variant;
            for _ in 0..5 {
                assert_eq!(house.ask_with("e", None, Some(key), rows(1)).await.unwrap().variant, first);
            }
        }
        assert_eq!(house.ask_with("e", Some("2"), None, rows(1)).await.unwrap().variant, "cancer-2");
        let error = house.ask_with("e", Some("7"), None, rows(1)).await.unwrap_err();
        assert_eq!(error.to_string(), "endpoint `e` serves no version `7`; it serves `1`, `2`");
    }

    async fn endpoints_are_back_after_a_restart_and_a_broken_one_does_not_harm_the_others(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let good = house.version("good", "cancer_logreg.onnx").await;
        let lost = house.version("lost", "iris_forest.onnx").await;
        let revision = house.deploy("good", &[(good, 1.0)]).await.unwrap();
        house.deploy("lost", &[(lost, 1.0)]).await.unwrap();
        let files = models::files(&house.ledger, &house.actor, lost).await.unwrap();
        house.blobs.delete(&files[0].digest).await.unwrap();

        let again = start(&house.ledger, &house.blobs, &house.log).await;
        assert_eq!(again.get(&house.actor, "good").unwrap().revision, revision);
        let view = again.get(&house.actor, "lost").unwrap();
        assert!(matches!(view.state, EndpointState::Failed(_)), "{view:?}");
        let ask = |endpoint: &'static str, width: usize| {
            let tensor = Tensor::new("X", [1, width as i64], TensorData::F32(vec![0.5; width]));
            let input = Input::Tensors(vec![tensor]);
            Request { endpoint, select: Select::Any, routing_key: None, input, params: None, outputs: &[], deadline: None }
        };
        again.infer(&house.actor, ask("good", 8)).await.unwrap();
        let error = again.infer(&house.actor, ask("lost", 4)).await.unwrap_err();
        assert!(matches!(error, Error::NotServing { .. }), "{error}");
        assert_eq!(error.class(), Class::Unavailable);
    }

    async fn a_deployment_that_fails_leaves_the_old_revision_serving(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let good = house.version("cancer", "cancer_logreg.onnx").await;
        let zipmap = house.version("cancer", "cancer_zipmap.onnx").await;
        let rubbish = house.version_of("cancer", b"no model".to_vec()).await;
        let revision = house.deploy("e", &[(good, 1.0)]).await.unwrap();
        let error = house.deploy("e", &[(zipmap, 1.0)]).await.unwrap_err();
        assert!(error.hint().unwrap().contains("zipmap"), "{error}");
        assert!(house.deploy("e", &[(rubbish, 1.0)]).await.is_err());
        assert!(house.deploy("e", &[]).await.is_err());
        for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = house.deploy("e", &[(good, weight)]).await.unwrap_err();
            assert!(matches!(error, Error::BadVariants { .. }), "{error}");
        }
        for name in ["", "a b", "../e", ".e", &"x".repeat(129)] {
            assert!(matches!(house.deploy(name, &[(good, 1.0)]).await, Err(Error::BadName(_))), "{name}");
        }
        assert_eq!(house.serving.get(&house.actor, "e").unwrap().revision, revision);
        house.ask("e").await.unwrap();
    }

    async fn a_deployment_is_an_event_and_an_edge(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        let revision = house.deploy("e", &[(one, 1.0)]).await.unwrap();
        ledger::testing::events(&house.ledger).await;
        let events = house.ledger.events_of(house.actor.workspace, "endpoint:e").await.unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].kind, "endpoint.deployed");
        assert_eq!(events[0].payload["revision"], revision.uid.hex());
        house.ask("e").await.unwrap();
        let segment = house.log.seal(&house.actor, "e").await.unwrap().unwrap();
        let graph = house
            .ledger
            .lineage(house.actor.workspace, "prediction_segment", &segment.hex(), ledger::Direction::Causes, 5)
            .await
            .unwrap();
        let kinds: Vec<&str> = graph.nodes.iter().map(|n| n.kind.as_str()).collect();
        for kind in ["prediction_segment", "endpoint_revision", "model_version"] {
            assert!(kinds.contains(&kind), "{kinds:?}");
        }
        house.serving.delete(&house.actor, "e").await.unwrap();
        assert!(matches!(house.ask("e").await, Err(Error::NoEndpoint(_))));
        assert!(matches!(house.serving.delete(&house.actor, "e").await, Err(Error::NoEndpoint(_))));
    }

    async fn what_the_model_saw_is_what_is_logged(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("mixed", "cancer_columns.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let column = |name: &str, values| Column { name: name.into(), values };
        let frame = Frame::new(vec![
            column("extra", Values::Integer(vec![Some(1), Some(2)])),
            column("points", Values::Integer(vec![Some(10), Some(20)])),
            column("size", Values::Text(vec![Some("small".into()), Some("large".into())])),
            column("radius", Values::Float(vec![11.5, 20.25])),
        ])
        .unwrap();
        let input = Input::Columns(frame);
        let request = Request { endpoint: "e", select: Select::Any, routing_key: None, input, params: None, outputs: &[], deadline: None };
        let answer = house.serving.infer(&house.actor, request).await.unwrap();
        let rows = house.log.window(&house.actor, "e", Window::Last(5)).await.unwrap();
        assert_eq!(rows.ids, answer.ids);
        assert_eq!(rows.inputs.schema().names().collect::<Vec<_>>(), ["size", "radius", "points"]);
        assert_eq!(rows.inputs.texts("size").unwrap(), [Some("small".into()), Some("large".into())]);
        assert_eq!(rows.inputs.numbers("points").unwrap(), [Some(10.0), Some(20.0)]);
        assert!(rows.outputs.schema().names().any(|n| n == "label"));
    }

    async fn wrong_requests_are_refused_and_are_not_the_endpoints_errors(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let many = house.ask_with("e", None, None, rows(100_001)).await.unwrap_err();
        assert_eq!(many.class(), Class::TooLarge);
        let narrow = Tensor::new("X", [1, 3], TensorData::F32(vec![0.0; 3]));
        let narrow = house.ask_with("e", None, None, narrow).await.unwrap_err();
        assert_eq!(narrow.to_string(), "input `X` has shape [1, 3]; the model takes [any, 8]");
        assert!(matches!(house.ask("nobody").await, Err(Error::NoEndpoint(_))));
        let traffic = house.serving.traffic(&house.actor, "e");
        assert_eq!((traffic.requests, traffic.errors), (2, 0));
        assert_eq!(house.log.total(&house.actor, "e").await.unwrap(), 0);
    }
}
