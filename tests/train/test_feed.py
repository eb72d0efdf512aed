from tokenizers import Tokenizer

from onlooker.train.examples import Batches, Encoding, world
from onlooker.train.feed import Lessons, Portion, feed


def made(
    words: Tokenizer, first: int, end: int, num_workers: int = 0, seed: int = 0
) -> list[Portion]:
    batches = Batches(world(("chat", "time"), "train", 0), Encoding(words), 1024)
    return list(feed(batches, Lessons(seed=seed), first, end, num_workers))


def test_a_worker_makes_what_one_process_makes(words: Tokenizer) -> None:
    alone, helped = made(words, 0, 25), made(words, 0, 25, num_workers=1)
    assert len(alone) == len(helped) == 25
    for one, other in zip(alone, helped, strict=True):
        assert one.batch.ids_BT.equal(other.batch.ids_BT)
        assert one.batch.worths_BT.equal(other.batch.worths_BT)
        assert one.lesson.ids_BT.equal(other.lesson.ids_BT)


def test_who_begins_later_gets_the_same_steps(words: Tokenizer) -> None:
    whole, rest = made(words, 0, 14), made(words, 7, 14)
    assert len(rest) == 7
    for one, other in zip(whole[7:], rest, strict=True):
        assert one.batch.ids_BT.equal(other.batch.ids_BT)
        assert one.lesson.kinds_N.equal(other.lesson.kinds_N)


def test_another_seed_brings_other_lessons(words: Tokenizer) -> None:
    (one,), (other,) = made(words, 0, 1), made(words, 0, 1, seed=1)
    assert one.batch.ids_BT.equal(other.batch.ids_BT)
    assert not one.lesson.ends_B.equal(other.lesson.ends_B)
