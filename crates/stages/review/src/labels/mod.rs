//! Labels of a dataset version that look wrong: a person keeps or corrects each, and what was corrected becomes a new version.

mod correct;
mod find;
mod judge;
mod model;

pub use correct::correct_labels;
pub use find::{LabelPlan, find_label_errors};
pub use judge::{judge_label, label_item, label_items, label_reviews};
pub use model::{LabelItem, LabelQuery, LabelReview, LabelVerdict};
