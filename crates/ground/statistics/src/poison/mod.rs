//! Signs of poisoned training data: rows of a class that pull the model's activations their own way.

mod clusters;
mod disagreement;
mod spectral;

pub use clusters::{Analysis, ClassClusters, activation_clusters, kmeans, silhouette};
pub use disagreement::{Disagreement, disagreements};
pub use spectral::{Spectral, spectral_scores, spectral_signatures};
