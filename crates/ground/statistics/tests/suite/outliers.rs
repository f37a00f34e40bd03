use mlwright_statistics::outliers::{
    Covariance, Forest, Leaf, LocalOutlierFactor, Near, Neighbours, Node, Tree, intrinsic_dimension,
};

use super::{EXACT, all_close, close, matrix, number, numbers, places, rows, vectors};

#[test]
fn a_forest_scores_as_by_scikit_learn() {
    let v = vectors("isolation_forest");
    let trees = v["trees"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tree| {
            let columns = places(&tree["features"]);
            let (left, right) = (numbers(&tree["children_left"]), numbers(&tree["children_right"]));
            let (feature, threshold) = (numbers(&tree["feature"]), numbers(&tree["threshold"]));
            let samples = places(&tree["n_node_samples"]);
            let node = |i: usize| match left[i] {
                -1.0 => Node::Leaf(Leaf { rows: samples[i] }),
                left => Node::Split {
                    column: columns[feature[i] as usize],
                    threshold: threshold[i],
                    left: left as usize,
                    right: right[i] as usize,
                },
            };
            Tree { nodes: (0..left.len()).map(node).collect() }
        })
        .collect();
    let samples = number(&v["max_samples"]) as usize;
    let forest = Forest { trees, samples, offset: number(&v["offset"]) };
    for (i, row) in rows(&v["query"]).iter().enumerate() {
        close("score", forest.score(row), number(&v["score_samples"][i]), EXACT);
        close("decision", forest.decision(row), number(&v["decision_function"][i]), EXACT);
        assert_eq!(forest.decision(row) < 0.0, number(&v["predict"][i]) == -1.0);
    }
}

#[test]
fn distances_agree_with_scikit_learn() {
    let v = vectors("outliers_misc");
    let train = matrix(&v["train"]);
    let query = rows(&v["query"]);
    let empirical = Covariance::empirical(&train).unwrap();
    let shrunk = Covariance::ledoit_wolf(&train).unwrap();
    close("shrinkage", shrunk.shrinkage, number(&v["ledoitwolf_shrinkage"]), EXACT);
    let index = Neighbours::new(&train).unwrap();
    let factors = LocalOutlierFactor::new(&train, 10).unwrap();
    for (i, row) in query.iter().enumerate() {
        close(
            "mahalanobis",
            empirical.squared_distance(row),
            number(&v["mahalanobis_sq_empirical"][i]),
            EXACT,
        );
        let wanted = number(&v["mahalanobis_sq_ledoitwolf"][i]);
        close("ledoit-wolf", shrunk.covariance.squared_distance(row), wanted, EXACT);
        let near = index.nearest(row, 5).unwrap();
        let distances = |near: &[Near]| near.iter().map(|n| n.distance).collect::<Vec<_>>();
        all_close("knn", &distances(&near), &numbers(&v["knn5_dist"][i]), EXACT);
        assert_eq!(near.iter().map(|n| n.row).collect::<Vec<_>>(), places(&v["knn5_idx"][i]));
        close("lof", -factors.of(row).unwrap(), number(&v["lof10_score_samples"][i]), EXACT);
        let lid = intrinsic_dimension(&distances(&index.nearest(row, 20).unwrap())).unwrap();
        close("lid", lid, number(&v["lid_mle_k20"][i]), EXACT);
    }
}
