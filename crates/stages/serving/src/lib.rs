//! serving: endpoints, traffic split, atomic hot swap
