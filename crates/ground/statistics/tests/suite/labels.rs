use mlwright_statistics::labels::{
    FilterBy, Quality, calibrated, confident_joint, consensus, count_issues, issues, latent, quality, ranked,
    thresholds,
};

use super::{EXACT, all_close, close, number, numbers, places, rows, vectors};

#[test]
fn confident_learning_agrees_with_cleanlab() {
    let v = vectors("cleanlab");
    let (labels, p) = (places(&v["labels"]), rows(&v["pred_probs"]));
    all_close("thresholds", &thresholds(&labels, &p).unwrap(), &numbers(&v["confident_thresholds"]), EXACT);
    let joint = confident_joint(&labels, &p).unwrap();
    assert_eq!(joint.counts, rows(&v["confident_joint_uncalibrated"]));
    let whole = calibrated(&joint.counts, &labels);
    assert_eq!(whole, rows(&v["confident_joint"]));
    let found = latent(&whole, &labels).unwrap();
    all_close("py", &found.prior, &numbers(&v["py"]), EXACT);
    for (name, found) in [("noise_matrix", &found.noise), ("inverse_noise_matrix", &found.inverse)] {
        for (row, wanted) in found.iter().zip(rows(&v[name])) {
            all_close(name, row, &wanted, EXACT);
        }
    }
    close("issues", count_issues(&labels, &p).unwrap() as f64, number(&v["num_label_issues"]), 0.0);
    for (name, by) in [
        ("self_confidence", Quality::SelfConfidence),
        ("normalized_margin", Quality::NormalizedMargin),
        ("confidence_weighted_entropy", Quality::ConfidenceWeightedEntropy),
    ] {
        all_close(name, &quality(&labels, &p, by, false).unwrap(), &numbers(&v["quality"][name]), EXACT);
    }
    for (name, by) in [
        ("prune_by_noise_rate", FilterBy::PruneByNoiseRate),
        ("prune_by_class", FilterBy::PruneByClass),
        ("both", FilterBy::Both),
        ("confident_learning", FilterBy::ConfidentLearning),
        ("predicted_neq_given", FilterBy::PredictedNeqGiven),
        ("low_normalized_margin", FilterBy::LowNormalizedMargin),
        ("low_self_confidence", FilterBy::LowSelfConfidence),
    ] {
        assert_eq!(issues(&labels, &p, by).unwrap(), places(&v["issues"][name]), "{name}");
    }
    let order = ranked(&labels, &p, FilterBy::PruneByNoiseRate, Quality::SelfConfidence).unwrap();
    assert_eq!(order, places(&v["issues_ranked_self_confidence"]));
}

#[test]
fn the_consensus_of_annotators_agrees_with_cleanlab() {
    let v = vectors("cleanlab_multiannotator");
    let labels: Vec<Vec<Option<usize>>> = rows(&v["annotations"])
        .iter()
        .map(|row| row.iter().map(|v| (!v.is_nan()).then_some(*v as usize)).collect())
        .collect();
    let found = consensus(&labels, &rows(&v["pred_probs"])).unwrap();
    let wanted = &v["label_quality"];
    assert_eq!(found.label, places(&wanted["consensus_label"]));
    all_close("quality", &found.quality, &numbers(&wanted["consensus_quality_score"]), EXACT);
    all_close("agreement", &found.agreement, &numbers(&wanted["annotator_agreement"]), EXACT);
    assert_eq!(found.annotations, places(&wanted["num_annotations"]));
    // Upstream sorts people by quality, then by agreement.
    let mut people = found.annotators;
    people.sort_by(|a, b| {
        let agreement = || a.agreement_with_consensus.total_cmp(&b.agreement_with_consensus);
        a.quality.total_cmp(&b.quality).then_with(agreement)
    });
    let wanted = &v["annotator_stats"];
    let of = |get: fn(&mlwright_statistics::labels::AnnotatorStatistics) -> f64| -> Vec<f64> {
        people.iter().map(get).collect()
    };
    all_close("quality", &of(|a| a.quality), &numbers(&wanted["annotator_quality"]), EXACT);
    let agreement = numbers(&wanted["agreement_with_consensus"]);
    all_close("agreement", &of(|a| a.agreement_with_consensus), &agreement, EXACT);
    all_close("worst", &of(|a| a.worst_class as f64), &numbers(&wanted["worst_class"]), 0.0);
    all_close("labelled", &of(|a| a.labelled as f64), &numbers(&wanted["num_examples_labeled"]), 0.0);
}

#[test]
fn what_cannot_be_judged_is_told() {
    assert!(thresholds(&[], &[]).is_err());
    assert!(thresholds(&[0], &[vec![1.0]]).is_err());
    assert!(issues(&[3], &[vec![0.5, 0.5]], FilterBy::Both).is_err());
    assert!(quality(&[0], &[vec![f64::NAN, 0.5]], Quality::SelfConfidence, false).is_err());
    assert!(consensus(&[vec![Some(0), None]], &[vec![0.5, 0.5]]).is_err());
}
