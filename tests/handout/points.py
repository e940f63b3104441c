"""The points of the handout's sections, and how each is split over the tests of its suite: here, and only here.

A test with several cases splits its points over them evenly.
"""

POINTS = {
    "2.2": ("Softmax cross-entropy", {
        "test_loss": 2, "test_log_sum_exp": 1, "test_derivative": 2}),
    "2.3": ("Linear classifier", {
        "test_forward": 3, "test_backward": 3, "test_five_steps": 3}),
    "2.4": ("Activations", {
        "test_state": 6, "test_derivative": 6}),
    "2.5": ("Hidden layers", {
        "test_forward": 12, "test_backward": 18, "test_mixed_activations": 5, "test_second_backward": 2,
        "test_initializers": 3}),
    "2.6": ("Batch normalization", {
        "test_training": 2, "test_running_statistics": 2, "test_inference": 2, "test_backward": 3,
        "test_in_network": 2, "test_on_first_layers": 2, "test_train_and_infer": 2}),
    "2.7": ("Momentum", {
        "test_five_steps": 6, "test_two_networks": 2, "test_with_batchnorm": 1, "test_velocity_is_not_initialised": 1}),
    "2.8": ("Training statistics", {
        "test_result": 1, "test_batches": 3, "test_training_statistics": 2, "test_validation_statistics": 2,
        "test_confusion_matrix": 2}),
}
