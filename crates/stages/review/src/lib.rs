//! What people judge of traces: the questions that they answer, the queues that bring traces to them, and the issues
//! that are found. Predictions come to people by the same queues, and what is said of them becomes their labels.
//! Labels of datasets that look wrong are kept or corrected by people, too, and a version is made of the corrected ones.

mod error;
mod issues;
mod labels;
mod predictions;
mod queues;
mod schemas;
mod store;

pub use error::Error;
pub use issues::{
    Issue, IssueChange, IssueField, IssueQuery, NewIssue, SEVERITIES, create_issue, issue, search_issues,
    update_issue,
};
pub use labels::{
    LabelItem, LabelPlan, LabelQuery, LabelReview, LabelVerdict, correct_labels, find_label_errors,
    judge_label, label_item, label_items, label_reviews,
};
pub use predictions::{
    Collector, EndpointQueue, PredictionItem, PredictionQuery, REVIEW, answer, prediction_item,
    prediction_items, prediction_queues, release, send, skip, take, take_next,
};
pub use queues::{
    ItemStatus, NewQueue, Queue, QueueChange, QueueItem, QueueQuery, add_items, create_queue, delete_queue,
    items, queue, queue_named, queues, remove_items, set_item_status, update_queue,
};
pub use schemas::{
    LabelSchema, NewSchema, SchemaChange, create_schema, delete_schema, label_schema, label_schema_named,
    label_schemas, update_schema,
};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "review",
    migrations: &[
        ledger::Migration { version: 1, sql: include_str!("../migrations/0001_review.sql") },
        ledger::Migration { version: 2, sql: include_str!("../migrations/0002_predictions.sql") },
        ledger::Migration { version: 3, sql: include_str!("../migrations/0003_labels.sql") },
    ],
    // Moves with traffic; a prediction in a queue has its event.
    facts: &["review_position"],
};
