//! What AWS protocols share: signatures, streaming payloads, XML bodies.
