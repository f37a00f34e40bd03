//! predictions: the prediction log and late labels
