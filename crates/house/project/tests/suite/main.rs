mod messages;
mod planning;
