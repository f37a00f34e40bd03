//! Rows that are unlike the others: by distance from the middle, by their neighbours, by how few cuts set them apart.

mod covariance;
mod forest;
mod neighbours;
mod online;

pub use covariance::{Covariance, LedoitWolf, cut};
pub use forest::{Forest, Leaf, Node, Tree};
pub use neighbours::{LocalOutlierFactor, Near, Neighbours, intrinsic_dimension};
pub use online::{OnlineMahalanobis, OnlineSettings};
