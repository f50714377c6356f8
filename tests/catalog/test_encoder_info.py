from artsim.catalog.kinds import EncoderInfo, short_names


def made(name: str, vector_name: str = "v") -> EncoderInfo:
    return EncoderInfo(name, name, vector_name, 4)


def test_an_encoder_from_a_file_is_called_by_the_file() -> None:
    assert made("onnx:/models/net.v2.json").short_name == "net.v2"
    assert EncoderInfo("onnx:net.onnx", "onnx:/here/net.onnx", "v", 4).short_name == "net"


def test_other_names_stay_whole() -> None:
    for name in ("builtin", "timm:resnet50.a1_in1k/384+gem", "open_clip:ViT-B-32/openai"):
        assert made(name).short_name == name


def test_encoders_of_one_short_name_are_told_apart_by_their_vectors() -> None:
    encoders = [
        made("onnx:/a/net.json", "net-1"),
        made("builtin"),
        made("onnx:/b/net.json", "net-2"),
    ]
    assert short_names(encoders) == ["net-1", "builtin", "net-2"]
