use mlwright_statistics::poison::{
    Analysis, activation_clusters, disagreements, spectral_scores, spectral_signatures,
};

use super::{EXACT, close, matrix, number, places, vectors};

#[test]
fn spectral_signatures_agree_with_art() {
    let v = vectors("art_poison");
    let (activations, labels) = (matrix(&v["activations"]), places(&v["labels"]));
    for (class, wanted) in v["spectral_scores_by_class"].as_object().unwrap() {
        let class: usize = class.parse().unwrap();
        let rows: Vec<usize> = (0..labels.len()).filter(|row| labels[*row] == class).collect();
        for (found, wanted) in
            spectral_scores(&activations.take(&rows)).unwrap().iter().zip(wanted.as_array().unwrap())
        {
            close("score", *found, number(&wanted[0]), EXACT);
        }
    }
    for (key, wanted) in v.as_object().unwrap().iter().filter(|(key, _)| key.starts_with("spectral_pp")) {
        let expected: f64 = key.trim_start_matches("spectral_pp").parse().unwrap();
        let found = spectral_signatures(&activations, &labels, expected, 1.5).unwrap();
        let clean = places(&wanted["is_clean"]);
        let suspects: Vec<usize> = (0..clean.len()).filter(|row| clean[*row] == 0).collect();
        assert_eq!(found.suspects, suspects, "{key}");
        for (row, score) in wanted["report"].as_object().unwrap() {
            close(row, found.scores[row.parse::<usize>().unwrap()], number(score), EXACT);
        }
    }
}

/// k-means upstream has no seed, and splits a class without two heaps at random: what must agree is the class that
/// has poison in it, by membership.
#[test]
fn the_poisoned_class_is_clustered_as_by_art() {
    let v = vectors("art_poison");
    let (activations, labels) = (matrix(&v["activations"]), places(&v["labels"]));
    let poisoned = places(&v["poisoned"]);
    let report = &v["activation_clustering_smaller"]["report"];
    let dimensions = number(&report["nb_dims"]) as usize;
    let clean = places(&v["activation_clustering_smaller"]["is_clean"]);
    let found = activation_clusters(&activations, &labels, dimensions, Analysis::Smaller, 1).unwrap();
    let class = labels[poisoned[0]];
    let of = &found[&class];
    let wanted: Vec<usize> = of.rows.iter().copied().filter(|row| clean[*row] == 0).collect();
    let suspects: Vec<usize> = of.suspects().collect();
    assert_eq!(suspects, wanted);
    let share = |cluster: usize| {
        let report = &report[format!("Class_{class}")][format!("cluster_{cluster}")];
        (number(&report["ptc_data_in_cluster"]) * 100.0).round() as i64
    };
    let mut shares: Vec<i64> =
        of.sizes.iter().map(|n| (*n as f64 / of.rows.len() as f64 * 100.0).round() as i64).collect();
    shares.sort_unstable();
    let mut wanted = vec![share(0), share(1)];
    wanted.sort_unstable();
    assert_eq!(shares, wanted);
    let caught = poisoned.iter().filter(|row| suspects.contains(row)).count();
    assert_eq!(caught, poisoned.len(), "every planted row is in the smaller cluster");
}

#[test]
fn rows_among_another_class_disagree() {
    let rows: Vec<[f64; 1]> =
        (0..30).map(|i| [if i < 15 { 0.0 } else { 10.0 } + f64::from(i) * 0.01]).collect();
    let table = mlwright_statistics::Matrix::of_rows(&rows).unwrap();
    let mut labels: Vec<usize> = (0..30).map(|i| usize::from(i >= 15)).collect();
    labels[3] = 1;
    let found = disagreements(&table, &labels, 5, 0.2).unwrap();
    assert_eq!(found.iter().map(|d| (d.row, d.other)).collect::<Vec<_>>(), [(3, 0)]);
}
