//! monitoring: drift of features against the training baseline, over windows
