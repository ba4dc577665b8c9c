use entente_api_client::{EventStream, FeedEvent};
use futures_util::{FutureExt as _, stream};

/// An event stream in pieces: how a network cuts it changes nothing of what is read.
///
/// The first byte says how long the pieces are, the rest is the stream.
pub fn event_stream(data: &[u8]) {
    let Some((length, data)) = data.split_first() else { return };
    let whole = read(vec![data.to_vec()]);
    let pieces = data.chunks(usize::from(*length).max(1)).map(<[u8]>::to_vec).collect();
    assert_eq!(whole, read(pieces), "it reads differently in pieces");
}

/// The events up to the first error, and that error's code.
fn read(pieces: Vec<Vec<u8>>) -> (Vec<FeedEvent>, Option<&'static str>) {
    let pieces = stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
    let mut events = EventStream::of_bytes(pieces);
    let mut read = Vec::new();
    // All bytes are there, so nothing waits.
    while let Some(event) = events.next().now_or_never().expect("nothing waits") {
        match event {
            Ok(event) => read.push(event),
            Err(error) => return (read, Some(error.code())),
        }
    }
    (read, None)
}
