use crate::Error;

const TINY: f64 = 1e-100;
const LEAST: f64 = 1e-6;

/// What the confident joint says about how labels came to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Latent {
    /// The share of each true class.
    pub prior: Vec<f64>,
    /// P(label | true class): a row a label, a column a true class.
    pub noise: Vec<Vec<f64>>,
    /// P(true class | label): a row a true class, a column a label.
    pub inverse: Vec<Vec<f64>>,
}

/// From a confident joint and the labels that it was counted over (upstream's `estimate_latent`, method `cnt`).
/// Errors: `Empty`.
pub fn latent(joint: &[Vec<f64>], labels: &[usize]) -> Result<Latent, Error> {
    let classes = joint.len();
    if labels.is_empty() || classes == 0 {
        return Err(Error::Empty("the confident joint"));
    }
    let mut given = vec![0.0; classes];
    labels.iter().for_each(|label| given[*label] += 1.0 / labels.len() as f64);
    let by_label: Vec<f64> = joint.iter().map(|row| row.iter().sum::<f64>().max(TINY)).collect();
    let by_class: Vec<f64> =
        (0..classes).map(|k| joint.iter().map(|row| row[k]).sum::<f64>().max(TINY)).collect();
    let table = |cell: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
        (0..classes).map(|i| (0..classes).map(|j| cell(i, j)).collect()).collect()
    };
    let noise = table(&|label, class| joint[label][class] / by_class[class]);
    let inverse = table(&|class, label| joint[label][class] / by_label[label]);
    let prior: Vec<f64> =
        (0..classes).map(|k| (inverse[k][k] / noise[k][k].max(TINY) * given[k]).clamp(LEAST, 1.0)).collect();
    let sum = prior.iter().sum::<f64>().max(TINY);
    Ok(Latent {
        prior: prior.iter().map(|p| p / sum).collect(),
        noise: rates(noise),
        inverse: rates(inverse),
    })
}

/// Rates off the diagonal stay below 1, and columns sum to 1.
fn rates(mut matrix: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    for (i, row) in matrix.iter_mut().enumerate() {
        for (j, cell) in row.iter_mut().enumerate() {
            if i != j {
                *cell = cell.clamp(0.0, 0.9999);
            }
        }
    }
    for column in 0..matrix.len() {
        let sum = matrix.iter().map(|row| row[column]).sum::<f64>().max(TINY);
        matrix.iter_mut().for_each(|row| row[column] /= sum);
    }
    matrix
}
