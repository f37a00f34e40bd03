//! curation: schema and expectations as a gate
