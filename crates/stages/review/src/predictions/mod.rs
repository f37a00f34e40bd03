//! Predictions that wait for a person: those that the endpoint's checks send here, and those that somebody sends. Each endpoint has
//! one queue. What a person says of a prediction becomes its label.

mod collect;
mod judge;
mod model;

pub use collect::{Collector, REVIEW, send};
pub use judge::{
    answer, prediction_item, prediction_items, prediction_queues, release, skip, take, take_next,
};
pub use model::{EndpointQueue, PredictionItem, PredictionQuery};
