use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Protobuf messages by prost.
pub struct Codec<A, Q>(PhantomData<fn() -> (A, Q)>);

impl<A, Q> Default for Codec<A, Q> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<A: Message + 'static, Q: Message + Default + 'static> tonic::codec::Codec for Codec<A, Q> {
    type Encode = A;
    type Decode = Q;
    type Encoder = Written<A>;
    type Decoder = Read<Q>;

    fn encoder(&mut self) -> Self::Encoder {
        Written(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        Read(PhantomData)
    }
}

pub struct Written<A>(PhantomData<fn(A)>);

impl<A: Message> Encoder for Written<A> {
    type Item = A;
    type Error = Status;

    fn encode(&mut self, item: A, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(item.encoded_len());
        item.encode(buffer).map_err(|e| Status::internal(format!("the answer could not be written: {e}")))
    }
}

pub struct Read<Q>(PhantomData<fn() -> Q>);

impl<Q: Message + Default> Decoder for Read<Q> {
    type Item = Q;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Q>, Status> {
        Q::decode(buffer)
            .map(Some)
            .map_err(|e| Status::invalid_argument(format!("the message cannot be read: {e}")))
    }
}
